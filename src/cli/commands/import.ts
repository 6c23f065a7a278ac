import { randomBytes } from "node:crypto";
import { open } from "node:fs/promises";
import type { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { createGunzip } from "node:zlib";
import { log } from "../../base/log.js";
import { Failure } from "../../daemon/failure.js";
import type { ImportReport } from "../../store/archive/import.js";
import type { Access } from "../access.js";
import { type AddCommand, collect, STORE_HELP, withStore } from "../command.js";
import { alreadyExists, notFound } from "../failures.js";
import { parseLabels } from "../make.js";
import { tell } from "../output.js";
import { Progress } from "../progress.js";
import { parseRef, type Ref, refText } from "../ref.js";

const trace = log("cli");

interface Flags {
  readonly parent?: string;
  readonly input?: string;
  readonly label?: string[];
}

export const addImport: AddCommand = (program) => {
  program
    .command("import")
    .summary("make a snapshot of a tar archive, or of an image layer")
    .description(
      "Makes a snapshot of a tar archive from standard input, plain or compressed by gzip. With --parent the archive is a layer of an OCI image: it is unpacked over a copy of the parent, and its whiteouts are applied. The snapshot appears under its name when it is whole. Nothing outside of it is touched, whatever the archive says.",
    )
    .argument("<STORE>", STORE_HELP)
    .argument("<REF>", "active/NAME or committed/NAME, which does not exist yet")
    .option("-p, --parent <ref>", "committed snapshot over which a layer is unpacked")
    .option("-i, --input <file>", "read this file, not standard input")
    .option("-l, --label <key=value>", "give it a label", collect)
    .action(async (store: string, name: string, flags: Flags) => {
      const ref = parseRef(name);
      if (ref.kind === "view")
        throw new Failure("usage", "a view cannot be imported: say active/NAME or committed/NAME");
      const parent = flags.parent === undefined ? undefined : parseRef(flags.parent, "committed");
      const labels = parseLabels(flags.label);
      const use = async (access: Access, signal: AbortSignal): Promise<void> => {
        if (parent !== undefined && (await access.find(parent)) === undefined)
          throw notFound(parent, "the parent ");
        if ((await access.find(ref)) !== undefined) throw alreadyExists(ref);
        tellLosses(await importSnapshot(access, { ref, parent, labels, input: flags.input }, signal));
      };
      await withStore(store, use, true);
    });
};

interface Wanted {
  readonly ref: Ref;
  readonly parent: Ref | undefined;
  readonly labels: Readonly<Record<string, string>>;
  readonly input: string | undefined;
}

async function importSnapshot(access: Access, wanted: Wanted, signal: AbortSignal): Promise<ImportReport> {
  const { ref, parent, labels, input } = wanted;
  // It gets its name when it is whole.
  const unfinished: Ref = { kind: "active", name: `import-${randomBytes(8).toString("hex")}` };
  const progress = new Progress(`importing ${refText(ref)}`, "B");
  const source = await openInput(input);
  // A signal ends a read that waits for more.
  const stop = (): void => void source.destroy(new Failure("interrupted", "interrupted"));
  signal.addEventListener("abort", stop);
  await access.make(unfinished, parent, { labels: {}, wait: true, signal });
  try {
    const onProgress = (bytes: number): void => progress.update(bytes, undefined);
    const options = { whiteouts: parent !== undefined, signal, onProgress };
    const { importTree } = await import("../../store/archive/import.js");
    const report = await importTree(await access.directory(unfinished), await uncompressed(source), options);
    signal.throwIfAborted();
    if (ref.kind === "committed") await access.commit(unfinished, ref, labels);
    else {
      await access.label(unfinished, labels);
      await access.rename(unfinished, ref);
    }
    return report;
  } catch (error) {
    await access.remove(unfinished);
    throw error;
  } finally {
    progress.stop();
    signal.removeEventListener("abort", stop);
    source.destroy();
  }
}

async function openInput(path: string | undefined): Promise<Readable> {
  const source: Readable = path === undefined ? process.stdin : (await open(path)).createReadStream();
  // Whoever reads it gets the error; without a listener it would end the process before.
  source.on("error", (error: Error) => trace("input: %s", error));
  return source;
}

/** @returns what a stream holds when it is uncompressed. @throws Failure for what cannot be uncompressed here */
async function uncompressed(source: Readable): Promise<AsyncIterable<Buffer>> {
  const pieces = source[Symbol.asyncIterator]() as AsyncIterator<Buffer>;
  const first: Buffer[] = [];
  let length = 0;
  while (length < 6) {
    const next = await pieces.next();
    if (next.done === true) break;
    first.push(next.value);
    length += next.value.length;
  }
  const head = Buffer.concat(first);
  const all = joined(head, pieces);
  if (head[0] === 0x1f && head[1] === 0x8b) return gunzipped(all);
  const magic = head.subarray(0, 6).toString("hex");
  if (magic.startsWith("28b52ffd")) throw packed("zstd");
  if (magic.startsWith("fd377a585a00")) throw packed("xz");
  if (magic.startsWith("425a68")) throw packed("bzip2");
  return all;
}

async function* joined(head: Buffer, rest: AsyncIterator<Buffer>): AsyncGenerator<Buffer> {
  if (head.length > 0) yield head;
  for (let next = await rest.next(); next.done !== true; next = await rest.next()) yield next.value;
}

/** @throws the error of zlib for a damaged stream, as a failure */
async function* gunzipped(source: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
  const gunzip = createGunzip();
  // An error of the source arrives at the reader by pipeline, and ends both.
  const done = pipeline(source, gunzip);
  done.catch((error: unknown) => gunzip.destroy(error instanceof Error ? error : new Error(String(error))));
  for await (const piece of gunzip) yield piece as Buffer;
  await done;
}

function packed(program: string): Failure {
  return new Failure("usage", `the archive is compressed: ${program} -dc FILE | snapmount import …`);
}

function tellLosses({ lostAttributes, unknownTypes }: ImportReport): void {
  for (const [name, count] of lostAttributes)
    tell(
      `the attribute ${name} could not be kept on ${count} files: the file system or the user does not have it`,
    );
  if (unknownTypes.length > 0) tell(`entries of unknown types were skipped: ${unknownTypes.join(", ")}`);
}
