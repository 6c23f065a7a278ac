import { execFileSync, spawnSync } from "node:child_process";
import { chownSync, mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, relative } from "node:path";

const DEVICE = "/dev/fuse";

/** An ordinary user, made for a test, who may use /dev/fuse meanwhile; remove() undoes both. */
export class TestUser {
  readonly name = `snapmount-${process.pid}`;
  readonly home: string;
  readonly uid: number;
  readonly gid: number;
  private readonly devices: string;
  private repository: string | undefined;

  constructor() {
    this.home = mkdtempSync(join(tmpdir(), "snapmount-user-"));
    execFileSync("useradd", ["--no-create-home", "--home-dir", this.home, this.name]);
    [this.uid, this.gid] = ["-u", "-g"].map((option) =>
      Number(execFileSync("id", [option, this.name], { encoding: "utf8" })),
    ) as [number, number];
    this.own(this.home);
    this.devices = join(this.home, "devices");
    this.provideDevice();
  }

  /** Another node of the device, for everybody, in the place of the host's: that one's mode is not for tests to change. */
  private provideDevice(): void {
    mkdirSync(this.devices);
    execFileSync("mount", ["-t", "tmpfs", "-o", "mode=755", "tmpfs", this.devices]);
    const node = join(this.devices, "fuse");
    execFileSync("mknod", ["-m", "666", node, "c", "10", "229"]);
    execFileSync("mount", ["--bind", node, DEVICE]);
  }

  /** What to put before a command, so that this user runs it. */
  get prefix(): readonly string[] {
    return ["setpriv", `--reuid=${this.uid}`, `--regid=${this.gid}`, "--init-groups", "--"];
  }

  get environment(): Readonly<Record<string, string>> {
    return { HOME: this.home, USER: this.name };
  }

  own(path: string): void {
    chownSync(path, this.uid, this.gid);
  }

  /** @returns a path by which the user can read a file of the repository, wherever that is */
  reach(file: string, repository: string): string {
    const [command, ...args] = [...this.prefix, "test", "-r", file];
    if (spawnSync(command!, args).status === 0) return file;
    if (this.repository === undefined) {
      this.repository = join(this.home, "repository");
      mkdirSync(this.repository);
      execFileSync("mount", ["--bind", repository, this.repository]);
    }
    return join(this.repository, relative(repository, file));
  }

  remove(): void {
    if (this.repository !== undefined) execFileSync("umount", [this.repository]);
    for (const path of [DEVICE, this.devices]) execFileSync("umount", [path]);
    execFileSync("userdel", [this.name]);
    rmSync(this.home, { recursive: true });
  }
}
