import { type ChildProcessWithoutNullStreams, spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface, type Interface } from "node:readline";

const PYTHON = "/usr/bin/python3";
/** Runs the given code, then evaluates one line after the other and answers "ok" or the name of the errno. */
const SERVER = `
import errno, mmap, os, sys
exec(sys.argv[1])
print("ready", flush=True)
for line in sys.stdin:
    try:
        eval(line)
        print("ok", flush=True)
    except OSError as error:
        print(errno.errorcode[error.errno], flush=True)
`;

/** Another process that holds something of a directory: a descriptor, a mapping, the directory itself. */
export class Holder {
  readonly #process: ChildProcessWithoutNullStreams;
  readonly #lines: AsyncIterator<string>;
  readonly #reader: Interface;

  private constructor(directory: string, code: string) {
    this.#process = spawn(PYTHON, ["-c", SERVER, code], { cwd: directory });
    this.#process.stderr.pipe(process.stderr);
    this.#reader = createInterface(this.#process.stdout);
    this.#lines = this.#reader[Symbol.asyncIterator]();
  }

  /**
   * @param directory working directory of the process
   * @param code Python statements that take hold
   */
  static async start(directory: string, code: string): Promise<Holder> {
    const holder = new Holder(directory, code);
    const first = await holder.#lines.next();
    if (first.value !== "ready") {
      throw new Error(`the process that should hold something ended: ${code}`);
    }
    return holder;
  }

  /** @returns "ok", or the name of the errno that the expression raised */
  async ask(expression: string): Promise<string> {
    this.#process.stdin.write(`${expression}\n`);
    return String((await this.#lines.next()).value);
  }

  /** Ends it, and with it all that it holds. */
  async end(): Promise<void> {
    const closed = once(this.#process.stdout, "close");
    this.#process.stdin.end();
    await closed;
  }
}
