import { createHash } from "node:crypto";
import { type BigIntStats, lstatSync, readdirSync, readFileSync, readlinkSync } from "node:fs";
import { join } from "node:path";

/**
 * Describes a tree, so that two that are alike in everything a snapshot keeps give the same lines: a line for each name
 * with type, mode, owner, size, modification time, which names are links of one inode, and a hash of the content.
 */
export function treeLines(top: string): string[] {
  const lines: string[] = [];
  const first = new Map<bigint, string>();
  const visit = (name: string): void => {
    const path = join(top, name);
    const stat = lstatSync(path, { bigint: true });
    const shared = stat.isDirectory() || stat.nlink === 1n ? "" : (first.get(stat.ino) ?? "");
    if (!first.has(stat.ino)) first.set(stat.ino, name);
    const { mode, uid, gid, mtimeNs } = stat;
    lines.push(
      `${name || "."} ${mode.toString(8)} ${uid}:${gid} ${mtimeNs} ${content(path, stat)} ${shared}`,
    );
    if (stat.isDirectory()) for (const below of readdirSync(path).sort()) visit(join(name, below));
  };
  visit("");
  return lines;
}

function content(path: string, stat: BigIntStats): string {
  if (stat.isSymbolicLink()) return `-> ${readlinkSync(path)}`;
  if (!stat.isFile()) return "";
  return `${stat.size} ${createHash("sha256").update(readFileSync(path)).digest("hex")}`;
}

/** The same as one short word. */
export function treeDigest(top: string): string {
  return createHash("sha256").update(treeLines(top).join("\n")).digest("hex").slice(0, 16);
}
