import { execFileSync, spawnSync } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, renameSync, rmSync } from "node:fs";
import { homedir, tmpdir } from "node:os";
import { join } from "node:path";

const CACHE = join(process.env["XDG_CACHE_HOME"] ?? join(homedir(), ".cache"), "snapmount-bench");
const PACKAGES = "perl,python3,git";
const RELEASE = "bookworm";
/** What stands in for a Debian root where no mirror can be reached: much of this machine's own. */
const OWN_PARTS =
  "etc usr/bin usr/sbin usr/lib/python3 usr/share/perl usr/share/zoneinfo usr/share/bash-completion";

/**
 * A real root tree: Debian minbase with perl, python3 and git by debootstrap, or parts of this machine's own tree
 * where that fails. Made once and kept; which one it is stands on stderr.
 * @returns path of a tar archive
 */
export function debianTree(): string {
  const archive = join(CACHE, `debian-${RELEASE}.tar`);
  if (existsSync(archive)) return archive;
  const own = join(CACHE, "own-root.tar");
  if (existsSync(own)) return own;
  const made = archiveTree(archive, (root) => {
    const flags = ["--variant=minbase", `--include=${PACKAGES}`, RELEASE, root];
    const run = spawnSync("debootstrap", [...flags, ...mirror()], { encoding: "utf8" });
    if (run.status !== 0) {
      console.error(`debootstrap failed: ${run.error?.message ?? run.stdout.trim().split("\n").at(-1)}`);
      return false;
    }
    rmSync(join(root, "var/cache/apt"), { recursive: true, force: true });
    return true;
  });
  if (made) return archive;
  console.error("using parts of this machine's own root tree instead");
  archiveTree(own, (root) => {
    const read = `tar -C / --xattrs --acls -cf - ${OWN_PARTS} --ignore-failed-read --warning=no-file-changed`;
    execFileSync("sh", ["-c", `${read} | tar -C '${root}' --xattrs --xattrs-include='*' --acls -xf -`]);
    return true;
  });
  return own;
}

/** The mirror that this machine's apt uses, or none to leave it to debootstrap. */
function mirror(): string[] {
  const format = ["--format", "$(CODENAME) $(REPO_URI)", "Created-By: Packages"];
  const run = spawnSync("apt-get", ["indextargets", ...format], { encoding: "utf8" });
  const line = (run.stdout ?? "").split("\n").find((text) => text.startsWith(`${RELEASE} `));
  return line === undefined ? [] : [line.slice(RELEASE.length + 1)];
}

/**
 * Makes a tree in a temporary directory and archives it; the archive appears whole or not at all.
 * @param fill makes the tree below root; false gives up
 * @returns whether the archive is there
 */
export function archiveTree(archive: string, fill: (root: string) => boolean): boolean {
  console.error(`making ${archive} (once)`);
  mkdirSync(CACHE, { recursive: true });
  const root = mkdtempSync(join(tmpdir(), "snapmount-tree-"));
  try {
    if (!fill(root)) return false;
    execFileSync("tar", ["-cf", `${archive}.new`, "--xattrs", "--acls", "-C", root, "."]);
    renameSync(`${archive}.new`, archive);
    return true;
  } finally {
    rmSync(root, { recursive: true, force: true });
  }
}

/** @returns where an archive of that name is kept */
export function cached(name: string): string {
  return join(CACHE, name);
}
