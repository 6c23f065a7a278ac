import type { Exchange } from "./exchange.js";
import type { Answer, FileSystem } from "./filesystem.js";

/** Decodes a request's body, calls the file system and encodes the reply's body. @returns 0 or -errno */
export type Handler = (x: Exchange, fs: FileSystem) => Answer;

/** After a handler's answer: what follows a success. */
export function then(answer: Answer, onSuccess: (value: number) => number): Answer {
  if (typeof answer === "number") return answer < 0 ? answer : onSuccess(answer);
  return answer.then((value) => (value < 0 ? value : onSuccess(value)));
}
