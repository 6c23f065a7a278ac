import { createHash } from "node:crypto";
import { closeSync, fsyncSync, openSync, renameSync, rmSync, write as writeCallback } from "node:fs";
import { promisify } from "node:util";
import { Failure } from "../../daemon/failure.js";
import type { ChangeSet } from "../../store/archive/change-set.js";
import type { Sink } from "../../store/archive/writer.js";
import type { Access } from "../access.js";
import { type AddCommand, requireSnapshot, STORE_HELP, withStore } from "../command.js";
import { tell } from "../output.js";
import { Progress } from "../progress.js";
import { parseRef, refText } from "../ref.js";
import type { Snapshot } from "../snapshot.js";

const write = promisify(writeCallback);
/** Sockets that are named when they are left out. */
const MOST_NAMED = 3;

interface Flags {
  readonly changes?: true;
  readonly output?: string;
  readonly digest?: true;
}

export const addExport: AddCommand = (program) => {
  program
    .command("export")
    .summary("write a snapshot as a tar archive, or as an image layer")
    .description(
      "Writes a snapshot as a tar archive (pax) with owners, nanosecond times, extended attributes, ACLs, devices, hard links and holes; the same tree gives the same archive. With --changes, only what differs from its parent, and whiteouts for what was deleted: a layer of an OCI image.",
    )
    .argument("<STORE>", STORE_HELP)
    .argument("<REF>", "snapshot, such as committed/base")
    .option("-c, --changes", "only the changes against the parent, as an OCI image layer")
    .option("-o, --output <file>", "write there, not to standard output; the file appears when it is whole")
    .option("--digest", "print the sha256 of the archive on standard error")
    .addHelpText(
      "after",
      "\n  snapmount export STORE committed/web | zstd > web.tar.zst\n  snapmount export STORE committed/web | ssh host snapmount import STORE committed/web",
    )
    .action(async (store: string, name: string, flags: Flags) => {
      const ref = parseRef(name);
      if (flags.output === undefined && process.stdout.isTTY)
        throw new Failure("usage", "an archive is nothing for a terminal: say -o FILE, or pipe it somewhere");
      await withStore(store, async (access, signal) => {
        const snapshot = await requireSnapshot(access, ref);
        const hash = createHash("sha256");
        const send = async (sink: Sink): Promise<void> =>
          exportSnapshot(access, snapshot, flags, signal, async (bytes) => {
            if (flags.digest === true) hash.update(bytes);
            await sink(bytes);
          });
        if (flags.output === undefined) await send(toStdout);
        else await toFile(flags.output, send);
        if (flags.digest === true) process.stderr.write(`sha256:${hash.digest("hex")}\n`);
      });
    });
};

async function exportSnapshot(
  access: Access,
  snapshot: Snapshot,
  flags: Flags,
  signal: AbortSignal,
  sink: Sink,
): Promise<void> {
  const after = await access.directory(snapshot);
  const progress = new Progress(`exporting ${refText(snapshot)}`, "B");
  const changes = flags.changes === true ? await changesOf(access, snapshot, after, signal) : undefined;
  const total = changes === undefined ? (await access.usage(snapshot)).size : undefined;
  try {
    const onProgress = (bytes: number): void => progress.update(bytes, total);
    const { exportTree } = await import("../../store/archive/export.js");
    const report = await exportTree(after, sink, { ...(changes && { changes }), signal, onProgress });
    tellSockets(report.sockets);
  } finally {
    progress.stop();
    changes?.close();
  }
}

async function changesOf(
  access: Access,
  snapshot: Snapshot,
  after: string,
  signal: AbortSignal,
): Promise<ChangeSet | undefined> {
  // Without a parent everything is a change.
  if (snapshot.parent === undefined) return undefined;
  const { ChangeSet } = await import("../../store/archive/change-set.js");
  const { streamChanges } = await import("../../store/changes.js");
  const before = await access.directory(snapshot.parent);
  const set = new ChangeSet(before, after);
  try {
    for await (const changes of streamChanges(before, after)) {
      signal.throwIfAborted();
      for (const change of changes) set.add(change);
    }
    await set.complete(signal);
    return set;
  } catch (error) {
    set.close();
    throw error;
  }
}

function tellSockets(sockets: readonly string[]): void {
  if (sockets.length === 0) return;
  const named = sockets.slice(0, MOST_NAMED).join(", ");
  const more = sockets.length > MOST_NAMED ? ` and ${sockets.length - MOST_NAMED} more` : "";
  tell(`sockets are left out, which tar does not know: ${named}${more}`);
}

/** Makes a file that is there when it is whole, or not at all. */
async function toFile(path: string, send: (sink: Sink) => Promise<void>): Promise<void> {
  const unfinished = `${path}.unfinished-${process.pid}`;
  const fd = openSync(unfinished, "wx", 0o666);
  try {
    await send((bytes) => writeAll(fd, bytes));
    fsyncSync(fd);
    renameSync(unfinished, path);
  } catch (error) {
    rmSync(unfinished, { force: true });
    throw error;
  } finally {
    closeSync(fd);
  }
}

/** By its stream, which also copes with a pipe that does not block. */
function toStdout(bytes: Buffer): Promise<void> {
  return new Promise((resolve, reject) => {
    process.stdout.write(bytes, (error) => (error ? reject(error) : resolve()));
  });
}

async function writeAll(fd: number, bytes: Buffer): Promise<void> {
  for (let done = 0; done < bytes.length; ) {
    const { bytesWritten } = await write(fd, bytes, done, bytes.length - done);
    done += bytesWritten;
  }
}
