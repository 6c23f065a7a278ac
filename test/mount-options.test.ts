import assert from "node:assert/strict";
import { test } from "node:test";
import { parseMountOptions } from "../src/cli/mount-options.js";
import { Failure } from "../src/daemon/failure.js";
import {
  MS_DIRSYNC,
  MS_NOATIME,
  MS_NODEV,
  MS_NODIRATIME,
  MS_NOEXEC,
  MS_NOSUID,
  MS_RELATIME,
  MS_STRICTATIME,
  MS_SYNCHRONOUS,
} from "../src/sys/constants.js";

const SAFE = MS_NOSUID | MS_NODEV;

/** The message with which options are refused. */
function refusal(...lists: string[]): string {
  try {
    parseMountOptions(lists);
  } catch (error) {
    assert.ok(error instanceof Failure);
    assert.equal(error.kind, "usage");
    return error.message;
  }
  return assert.fail(`${lists} was accepted`);
}

test("without options a mount is writable, prepares in the background, and is nosuid and nodev", () => {
  assert.deepEqual(parseMountOptions([]), {
    readOnly: false,
    allowOther: undefined,
    flags: SAFE,
    fsname: undefined,
    prepareSync: false,
    passthrough: true,
    cacheTimeout: undefined,
    autoUnmount: false,
    uid: undefined,
    gid: undefined,
    umask: undefined,
    driver: undefined,
  });
});

test("each word sets and clears its flag, and the later one wins", () => {
  const rows: [string, number][] = [
    ["suid", MS_NODEV],
    ["dev", MS_NOSUID],
    ["suid,dev", 0],
    ["suid,nosuid", SAFE],
    ["noexec", SAFE | MS_NOEXEC],
    ["noexec,exec", SAFE],
    ["sync,dirsync", SAFE | MS_SYNCHRONOUS | MS_DIRSYNC],
    ["sync,async", SAFE],
    ["noatime,nodiratime", SAFE | MS_NOATIME | MS_NODIRATIME],
    ["nodiratime,diratime", SAFE],
    ["noatime,relatime", SAFE | MS_RELATIME],
    ["relatime,strictatime", SAFE | MS_STRICTATIME],
    ["strictatime,atime", SAFE],
  ];
  for (const [list, flags] of rows) assert.equal(parseMountOptions([list]).flags, flags, list);
});

test("several -o add up in their order", () => {
  const options = parseMountOptions(["ro,allow_other", "rw", "nopassthrough,passthrough", "auto_unmount"]);
  assert.equal(options.readOnly, false);
  assert.equal(options.allowOther, true);
  assert.equal(options.passthrough, true);
  assert.equal(options.autoUnmount, true);
  assert.equal(parseMountOptions(["rw,ro,nopassthrough"]).readOnly, true);
  assert.equal(parseMountOptions(["rw,ro,nopassthrough"]).passthrough, false);
});

test("values are decoded: numbers, octal, names with commas", () => {
  const options = parseMountOptions(["uid=0,gid=4294967294,umask=027,prepare=sync", "fsname=a\\,b\\\\c=d"]);
  assert.equal(options.uid, 0);
  assert.equal(options.gid, 4294967294);
  assert.equal(options.umask, 0o27);
  assert.equal(options.prepareSync, true);
  assert.equal(parseMountOptions(["cache_timeout=0"]).cacheTimeout, 0);
  assert.equal(parseMountOptions(["cache_timeout=86400"]).cacheTimeout, 86_400_000);
  assert.equal(options.fsname, "a,b\\c=d");
  assert.equal(parseMountOptions(["prepare=sync,prepare=background"]).prepareSync, false);
});

test("what only mount(8) and systemd care about changes nothing", () => {
  const list =
    "defaults,nofail,_netdev,auto,noauto,user,user=me,users,owner,group,default_permissions,comment=a=b,x-systemd.automount,x-gvfs-name=Store,X-mount.mkdir,,";
  assert.deepEqual(parseMountOptions([list]), parseMountOptions([]));
});

test("an unknown option is refused by its name, with a hint", () => {
  assert.match(refusal("ro,frobnicate=1"), /"frobnicate".*snapmount --help/);
  assert.match(refusal("allow-other"), /"allow-other".*did you mean allow_other/);
  assert.match(refusal("passthru,pass"), /"passthru"/);
  assert.match(refusal("default_perm"), /did you mean default_permissions/);
  assert.match(refusal("nonempty"), /empty directory/);
  assert.match(refusal("remount"), /snapmount umount/);
  for (const name of ["constructor", "__proto__", "toString"]) {
    assert.match(refusal(name), new RegExp(`"${name}"`));
  }
});

test("mount(8)'s sloppy mode passes over unknown options, but not over wrong values", () => {
  assert.deepEqual(parseMountOptions(["frobnicate,ro"], true), parseMountOptions(["ro"]));
  assert.throws(() => parseMountOptions(["uid=me"], true), Failure);
});

test("values that are missing, superfluous or wrong are refused, saying what is right", () => {
  assert.match(refusal("uid"), /uid needs a value/);
  assert.match(refusal("ro=1"), /ro takes no value/);
  for (const value of ["", "me", "-1", "1e3", "4294967295", " 5"]) {
    assert.match(refusal(`uid=${value}`), /id -u NAME/);
  }
  for (const value of ["", "8", "01000", "rwx"]) assert.match(refusal(`umask=${value}`), /octal/);
  assert.match(refusal("prepare=fast"), /sync or background/);
  for (const value of ["", "-1", "1.5", "86401", "day"])
    assert.match(refusal(`cache_timeout=${value}`), /seconds: 0 to 86400/);
  assert.match(refusal("entry_timeout=1"), /cache_timeout/);
  assert.match(refusal("fsname="), /source/);
});
