import { spawn } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { SLOW } from "./pace.js";
import { sleep } from "./shell.js";

/**
 * It also reads here and there in its own memory, which asks nobody for anything: where that takes many times as long as
 * usual, the machine does something else, and what a listing takes there says nothing of the daemon.
 */
const LISTER = `
import json, operator, os, random, statistics, sys, time
directory, result, stop, slow = sys.argv[1:]
memory = bytearray(64 << 20)
reads = operator.itemgetter(*(random.randrange(len(memory)) for _ in range(2000)))
def work():
    begin = time.thread_time()
    reads(memory)
    return time.thread_time() - begin
listings, works = [], [work()]
open(result, "w").write("started")
while not os.path.exists(stop):
    begin = time.perf_counter()
    os.listdir(directory)
    listings.append(time.perf_counter() - begin)
    works.append(work())
    time.sleep(0.002)
usual = statistics.median(works)
steady = [max(pair) <= float(slow) * usual for pair in zip(works, works[1:])]
at_pace = max((took for took, counts in zip(listings, steady) if counts), default=max(listings))
seen = {
    "listing": max(listings) * 1000,
    "listingAtPace": at_pace * 1000,
    "offPace": 1000 * steady.count(False) / len(steady),
    "work": max(works) * 1000,
}
open(result + ".new", "w").write(json.dumps(seen))
os.rename(result + ".new", result)
`;
const POLL_MS = 2;
const LIMIT_MS = 60_000;

/** What it has seen; milliseconds where nothing else is said. */
export interface Seen {
  /** The slowest listing. */
  readonly listing: number;
  /** The slowest one while the machine ran at its usual pace. */
  readonly listingAtPace: number;
  /** Listings while it did not, of 1,000. */
  readonly offPace: number;
  /** The most time of a processor for the fixed piece of work, which usually takes 0.1. */
  readonly work: number;
}

/** Another process that lists a directory over and over, about every 2 ms. */
export class Lister {
  readonly #directory = mkdtempSync(join(tmpdir(), "snapmount-lister-"));
  readonly #result = join(this.#directory, "result");
  readonly #stop = join(this.#directory, "stop");

  /** Returns when it is at work. */
  constructor(directory: string) {
    // It tells by files, because this thread blocks and takes no events meanwhile.
    const args = ["-c", LISTER, directory, this.#result, this.#stop, `${SLOW}`];
    const child = spawn("/usr/bin/python3", args, { stdio: ["ignore", "ignore", "inherit"] });
    child.unref();
    this.#wait((text) => text === "started");
  }

  /** Ends it. */
  end(): Seen {
    writeFileSync(this.#stop, "");
    const text = this.#wait((text) => text !== "started" && text !== "");
    rmSync(this.#directory, { recursive: true });
    return JSON.parse(text) as Seen;
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
