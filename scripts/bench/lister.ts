import { spawn } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { sleep } from "./shell.js";

const LISTER = `
import os, sys, time
directory, result, stop = sys.argv[1:]
slowest = 0.0
open(result, "w").write("started")
while not os.path.exists(stop):
    begin = time.perf_counter()
    os.listdir(directory)
    slowest = max(slowest, time.perf_counter() - begin)
    time.sleep(0.002)
open(result + ".new", "w").write(str(slowest * 1000))
os.rename(result + ".new", result)
`;
const POLL_MS = 2;
const LIMIT_MS = 60_000;

/** Another process that lists a directory over and over, about every 2 ms. */
export class Lister {
  readonly #directory = mkdtempSync(join(tmpdir(), "snapmount-lister-"));
  readonly #result = join(this.#directory, "result");
  readonly #stop = join(this.#directory, "stop");

  /** Returns when it is at work. */
  constructor(directory: string) {
    // It tells by files, because this thread blocks and takes no events meanwhile.
    const child = spawn("/usr/bin/python3", ["-c", LISTER, directory, this.#result, this.#stop], {
      stdio: ["ignore", "ignore", "inherit"],
    });
    child.unref();
    this.#wait((text) => text === "started");
  }

  /** Ends it. @returns milliseconds of its slowest listing */
  end(): number {
    writeFileSync(this.#stop, "");
    const slowest = Number(this.#wait((text) => text !== "started" && text !== ""));
    rmSync(this.#directory, { recursive: true });
    return slowest;
  }

  #wait(done: (text: string) => boolean): string {
    for (let waited = 0; waited < LIMIT_MS; waited += POLL_MS) {
      const text = this.#read();
      if (done(text)) {
        return text;
      }
      sleep(POLL_MS);
    }
    throw new Error("the process that lists a directory does not answer");
  }

  #read(): string {
    return existsSync(this.#result) ? readFileSync(this.#result, "utf8") : "";
  }
}
