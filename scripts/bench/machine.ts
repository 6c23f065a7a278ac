import { cpus, release, totalmem } from "node:os";
import { output } from "./shell.js";

/** On what was measured. */
export function machine(): Record<string, string> {
  const model = cpus()[0]?.model ?? "unknown";
  return {
    kernel: release(),
    processors: `${cpus().length} × ${model}`,
    memory: `${(totalmem() / 2 ** 30).toFixed(0)} GiB`,
    node: process.version,
    disk: output("findmnt -no SOURCE,FSTYPE -T /tmp || true").trim(),
    date: new Date().toISOString(),
  };
}
