import { readFileSync } from "node:fs";
import type { Caller } from "../../fuse/filesystem.js";
import { S_ISGID, S_IXGRP } from "../../sys/constants.js";
import {
  CAP_FOWNER,
  CAP_FSETID,
  CAP_SYS_RESOURCE,
  keepCapabilities,
  setEffective,
  setFsGid,
  setFsUid,
  setGroups,
  setUmask,
  unshareFs,
} from "../../sys/credentials.js";
import { check } from "../../sys/error.js";

/**
 * Who this thread is to the file system while it works for a caller. As root it takes on the caller's fsuid, fsgid
 * and umask (credentials(7)), so that the native file system itself decides on owner, setgid inheritance, default
 * ACLs and quota, with no moment in which the new file belongs to somebody else. Capabilities stay: the kernel has
 * already checked access (default_permissions). Switching costs system calls, so it is done only on change.
 */
export class Identity {
  private static mine: Identity | undefined;
  private readonly root: boolean;
  private uid = 0;
  private gid = 0;
  private umask = -1;
  private privileged = true;
  private owner = true;
  private groupsSet = false;

  /** Each thread has one, whatever number of trees it serves: two would not know of each other's changes. */
  static ofThread(): Identity {
    Identity.mine ??= new Identity();
    return Identity.mine;
  }

  private constructor() {
    this.root = process.geteuid?.() === 0;
    // umask(2) belongs to the process unless the thread has a file system context of its own.
    check(unshareFs(), "unshare");
    if (this.root) check(keepCapabilities(), "prctl");
  }

  /** Creates for caller from now on: owner, umask and, for others than root, without root's exemptions. */
  become(caller: Caller): void {
    if (caller.umask !== this.umask) {
      setUmask(caller.umask);
      this.umask = caller.umask;
    }
    this.act(caller);
  }

  /** As become, but for what does not create. */
  act(caller: Caller): void {
    if (!this.root) return;
    if (caller.gid !== this.gid) {
      setFsGid(caller.gid);
      this.gid = caller.gid;
    }
    if (caller.uid !== this.uid) {
      setFsUid(caller.uid);
      this.uid = caller.uid;
    }
    this.privilege(caller.uid === 0);
  }

  /**
   * As act, with the caller's supplementary groups: where S_ISGID depends on them. They are read in /proc, so only
   * there.
   */
  actInGroups(caller: Caller): void {
    this.act(caller);
    if (this.root && caller.uid !== 0) this.takeGroups(caller);
  }

  /** After act: files that are not the caller's own may not be changed now (CAP_FOWNER, capabilities(7)). */
  disown(caller: Caller): void {
    if (this.root && caller.uid !== 0) this.setOwner(false);
  }

  /**
   * As act, without root's exemptions: a write or truncation now clears suid and sgid, as the caller's own would.
   * @param mode of the file: S_ISGID stays for members of its group unless that may execute it
   */
  actReduced(caller: Caller, mode: number): void {
    this.act(caller);
    if (!this.root) return;
    if (dependsOnGroups(mode)) this.takeGroups(caller);
    this.privilege(false);
  }

  /** Takes root's exemptions back: for changes that the kernel has already reduced to what the caller may. */
  restore(): void {
    if (!this.root) return;
    if (this.groupsSet) setGroups([]);
    this.groupsSet = false;
    this.setOwner(true);
    this.privilege(true);
  }

  private takeGroups(caller: Caller): void {
    this.groupsSet = setGroups(groupsOf(caller.pid)) === 0;
  }

  private privilege(on: boolean): void {
    if (on === this.privileged) return;
    // CAP_FSETID keeps suid and sgid bits through writes; CAP_SYS_RESOURCE ignores quota and reserved blocks.
    check(setEffective(CAP_FSETID, on), "capset");
    check(setEffective(CAP_SYS_RESOURCE, on), "capset");
    this.privileged = on;
  }

  private setOwner(on: boolean): void {
    if (on === this.owner) return;
    check(setEffective(CAP_FOWNER, on), "capset");
    this.owner = on;
  }
}

/** Whether clearing S_ISGID of a file depends on who writes: it does when its group may not execute it. */
export function dependsOnGroups(mode: number): boolean {
  return (mode & (S_ISGID | S_IXGRP)) === S_ISGID;
}

function groupsOf(pid: number): number[] {
  try {
    // An empty list must not reach into the next line.
    const line = /^Groups:[ \t]*([\d \t]*)$/m.exec(readFileSync(`/proc/${pid}/status`, "latin1"));
    return (line?.[1] ?? "").split(/\s+/).filter(Boolean).map(Number);
  } catch {
    // The caller has ended: nobody is left to see which group bit the file got.
    return [];
  }
}
