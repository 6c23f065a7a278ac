import { appendFileSync, readFileSync } from "node:fs";
import { constants } from "node:os";
import { getEnvironmentData, setEnvironmentData } from "node:worker_threads";

// What SNAPMOUNT_FAULT says is to happen to calls that touch the disk, in all threads of the process:
//
//   OPERATION[@N[+]]=ACTION, …    or the absolute path of a file that holds such a list and may change or go meanwhile
//
// OPERATION is a name that fault() is asked with; `*` is every one, `change` every one that changes something on the disk.
// With @N it happens to the Nth such call of the process, with @N+ from then on. ACTION is the name of an errno, `kill`
// (SIGKILL, before the call), `delay:MILLISECONDS`, or `trace:FILE` (appends the operation's name to FILE).

const RULE = /^([\w*]+)(?:@(\d+)(\+?))?=(\w+)(?::(.+))?$/;
const MOST_RULES = 64;
/** Calls that leave the disk as it is, so that dying before one is dying before the next. */
const READS = new Set([
  "statx",
  "fstatfs",
  "openat",
  "getdents64",
  "pread",
  "readlinkat",
  "getxattr",
  "listxattr",
]);

interface Rule {
  readonly operation: string;
  /** Which calls it is for: from `first` on, and up to `last`. */
  readonly first: number;
  readonly last: number;
  readonly action: string;
  readonly argument: string;
}

/** How often each rule's operation came, in all threads; the first cell tells which version of a file they belong to. */
type Counters = Int32Array;

/**
 * @param text what SNAPMOUNT_FAULT says
 * @returns the hook that does it, or undefined when it says nothing
 * @throws Error that says which rule is not understood
 */
export function faultPlan(text: string | undefined): ((operation: string) => number) | undefined {
  if (text === undefined || text === "") return undefined;
  const counters = sharedCounters();
  if (!text.startsWith("/")) {
    const rules = parse(text);
    return (operation) => act(rules, counters, operation);
  }
  let known = "";
  let rules: readonly Rule[] = [];
  return (operation) => {
    const now = contentOf(text);
    if (now !== known) {
      rules = parse(now);
      known = now;
    }
    if (rules.length === 0) return 0;
    beginAnew(counters, now);
    return act(rules, counters, operation);
  };
}

/** The first thread makes them, and those that it starts take them over. */
function sharedCounters(): Counters {
  const name = "snapmount:fault";
  const found = getEnvironmentData(name);
  if (found instanceof SharedArrayBuffer) return new Int32Array(found);
  const made = new SharedArrayBuffer(4 * (MOST_RULES + 1));
  // Node's type leaves out what its structured clone takes.
  setEnvironmentData(name, made as unknown as string);
  return new Int32Array(made);
}

function contentOf(path: string): string {
  try {
    return readFileSync(path, "utf8").trim();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return "";
    throw error;
  }
}

/** Counts from 0 when a file says something else than before. */
function beginAnew(counters: Counters, text: string): void {
  let version = 1;
  for (let i = 0; i < text.length; i++) version = (Math.imul(version, 31) + text.charCodeAt(i)) | 0;
  const before = Atomics.load(counters, 0);
  if (before === version || Atomics.compareExchange(counters, 0, before, version) !== before) return;
  for (let i = 1; i < counters.length; i++) Atomics.store(counters, i, 0);
}

function parse(text: string): readonly Rule[] {
  const rules = text.split(",").filter((part) => part.trim() !== "");
  if (rules.length > MOST_RULES) throw new Error(`SNAPMOUNT_FAULT has more than ${MOST_RULES} rules`);
  return rules.map((part) => {
    const [, operation, at, onwards, action, argument] = RULE.exec(part.trim()) ?? [];
    const isKnown =
      action === "kill" || (argument !== undefined && (action === "delay" || action === "trace"));
    if (operation === undefined || action === undefined || !(isKnown || errnoOf(action) > 0))
      throw new Error(`SNAPMOUNT_FAULT: ${part} is not OPERATION[@N[+]]=ERRNO|kill|delay:MS|trace:FILE`);
    const first = at === undefined ? 1 : Number(at);
    const last = at === undefined || onwards === "+" ? Number.POSITIVE_INFINITY : first;
    return { operation, first, last, action, argument: argument ?? "" };
  });
}

function errnoOf(name: string): number {
  return (constants.errno as Readonly<Record<string, number>>)[name] ?? 0;
}

function act(rules: readonly Rule[], counters: Counters, operation: string): number {
  let code = 0;
  for (const [index, rule] of rules.entries()) {
    if (!matches(rule.operation, operation)) continue;
    const count = Atomics.add(counters, index + 1, 1) + 1;
    if (count < rule.first || count > rule.last) continue;
    if (rule.action === "kill") process.kill(process.pid, "SIGKILL");
    else if (rule.action === "trace") appendFileSync(rule.argument, `${operation}\n`);
    else if (rule.action === "delay") sleep(Number(rule.argument));
    else if (code === 0) code = -errnoOf(rule.action);
  }
  return code;
}

function matches(wanted: string, operation: string): boolean {
  return wanted === operation || wanted === "*" || (wanted === "change" && !READS.has(operation));
}

function sleep(milliseconds: number): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, milliseconds);
}
