import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { fileURLToPath } from "node:url";

const SNAPMOUNT = fileURLToPath(new URL("../src/cli/main.js", import.meta.url));
const LIMIT_MS = 60_000;

/** mount(8), fstab and systemd, in a mount namespace whose /usr/sbin has the helper and nobody else's. */
describe("mount(8)", () => {
  let directory: string;
  before(() => {
    directory = mkdtempSync(join(tmpdir(), "snapmount-mount8-"));
    chmodSync(directory, 0o755);
  });
  after(() => rmSync(directory, { recursive: true }));

  /**
   * Runs a script in a private mount namespace in which snapmount is installed.
   * @returns what it prints; fails the test when it fails
   */
  function run(script: string): string {
    const setUp = `
      cd '${directory}'; rm -rf o; mkdir -p o mnt
      mount -t tmpfs tmpfs o; mkdir o/upper o/work
      mount -t overlay -o lowerdir=/usr/sbin,upperdir=o/upper,workdir=o/work overlay /usr/sbin
      '${process.execPath}' '${SNAPMOUNT}' install --root / > /dev/null
      trap 'umount mnt 2> /dev/null || true; '"'${process.execPath}' '${SNAPMOUNT}' install --remove > /dev/null" EXIT
    `;
    const args = ["-m", "--propagation", "private", "sh", "-ec", `${setUp}\n${script}`];
    const result = spawnSync("unshare", args, { encoding: "utf8", timeout: LIMIT_MS });
    assert.equal(result.status, 0, result.stdout + result.stderr);
    return result.stdout;
  }

  test("mount -t fuse.snapmount, findmnt, df and umount, with an empty environment", () => {
    const output = run(`
      env -i /usr/bin/mount -t fuse.snapmount "$PWD/store" "$PWD/mnt"
      findmnt -no SOURCE,FSTYPE mnt; df --output=source,target mnt | tail -1
      mkdir mnt/active/web; ls mnt
      env -i /usr/bin/umount "$PWD/mnt"
      findmnt mnt || ls -A mnt
    `);
    const store = `${directory}/store`;
    const lines = output.trim().split("\n");
    assert.match(lines[0]!, new RegExp(`^${store} +fuse.snapmount$`));
    assert.match(lines[1]!, new RegExp(`^${store} +${directory}/mnt$`));
    assert.deepEqual(lines.slice(2), ["README", "active", "committed", "info", "views"]);
  });

  test("a line of fstab, with everybody's options, by mount -a", () => {
    const output = run(`
      echo "$PWD/store $PWD/mnt fuse.snapmount nofail,_netdev,x-systemd.automount,comment=hello,user,uid=12,gid=34,umask=027,default_permissions,noatime 0 0" > fstab
      env -i /usr/bin/mount -a -T "$PWD/fstab"
      findmnt -no SOURCE,OPTIONS mnt; stat -c '%a %u:%g' mnt mnt/active mnt/info
      env -i /usr/bin/mount -a -T "$PWD/fstab"; findmnt -no TARGET mnt | wc -l
      env -i /usr/bin/umount "$PWD/mnt"
      echo "$PWD/store $PWD/mnt fuse.snapmount ro,driver=fuse-native,fsname=other 0 0" > fstab
      env -i /usr/bin/mount -a -T "$PWD/fstab" 2> /dev/null
      findmnt -no SOURCE,FSTYPE mnt; mkdir mnt/active/x 2>&1 || true
    `);
    const [first, root, active, info, again, other, refused] = output.trim().split("\n");
    assert.match(first!, new RegExp(`^${directory}/store +.*noexec.*noatime.*default_permissions`));
    assert.deepEqual([root, active, info], ["555 12:34", "750 12:34", "555 12:34"]);
    assert.equal(again, "1");
    assert.match(other!, /^other +fuse.snapmount$/);
    assert.match(refused!, /Read-only file system/);
  });

  test("what cannot be mounted is said by mount, with its exit code", () => {
    const output = run(`
      mount -t fuse.snapmount store mnt -o ro,frobnicate 2>&1 || echo "exit $?"
      mount -s -t fuse.snapmount store mnt -o frobnicate; umount mnt
      mount -f -t fuse.snapmount store mnt; findmnt mnt || echo pretended
      mount -t fuse.snapmount store "$PWD/store" 2>&1 || echo "exit $?"
    `);
    assert.match(output, /unknown mount option "frobnicate".*\n.*exit/);
    assert.match(output, /pretended/);
    assert.match(output, /cannot be the store and the mountpoint at once.*\n.*exit/);
  });

  test("the unit for systemd starts a daemon that says when it is ready, and stops it", () => {
    const notes = join(directory, "notes");
    const listen = `import socket, sys
s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM); s.bind(sys.argv[1]); print("bound", flush=True)
while True:
    text = s.recv(4096).decode(); print(text.replace(chr(10), " "), flush=True)
    if "STOPPING" in text: break`;
    writeFileSync(join(directory, "listen.py"), listen);
    run(`
      unit=/usr/local/lib/systemd/system/snapmount@.service
      cp "$unit" unit; ! command -v systemd-analyze > /dev/null || systemd-analyze verify "$unit"
      python3 listen.py "$PWD/socket" > notes & until grep -q bound notes; do sleep 0.1; done
      command() { sed -n "s/^$1=//p" "$unit" | sed 's/[\${}]//g; s#OPTIONS#rw,umask=077#; s# STORE# '"$PWD"'/store#; s#MOUNTPOINT#'"$PWD"'/mnt#'; }
      env -i NOTIFY_SOCKET="$PWD/socket" sh -c "exec $(command ExecStart)" & daemon=$!
      until grep -q "MAINPID=$daemon READY=1" notes; do kill -0 $daemon; sleep 0.1; done
      test "$(stat -c %a mnt/active)" = 700
      env -i sh -c "$(command ExecStop)"
      wait $daemon; wait
    `);
    const unit = readFileSync(join(directory, "unit"), "utf8");
    assert.match(unit, /^Type=notify$/m);
    assert.match(
      readFileSync(notes, "utf8"),
      /READY=1 STATUS=.*store is mounted at .*mnt\n(.*\n)*STOPPING=1/,
    );
  });

  test("install writes what it says and removes only that", () => {
    const root = join(directory, "root");
    const install = (...args: string[]) =>
      spawnSync(process.execPath, [SNAPMOUNT, "install", "--root", root, ...args], { encoding: "utf8" });
    const done = install();
    assert.equal(done.status, 0, done.stderr);
    const helper = `${root}/sbin/mount.fuse.snapmount`;
    assert.match(done.stdout, new RegExp(`^${helper}\n`));
    assert.match(
      readFileSync(helper, "utf8"),
      /^#!\/bin\/sh\n.*\nexec '\/.*' '\/.*\/mount-helper.js' "\$@"\n$/,
    );
    assert.equal(install("--remove").status, 0);
    assert.throws(() => readFileSync(helper), { code: "ENOENT" });
    mkdirSync(`${root}/sbin`, { recursive: true });
    writeFileSync(helper, "another's");
    const refused = install("--remove");
    assert.equal(refused.status, 1);
    assert.match(refused.stderr, /was not written by snapmount install: it stays/);
  });
});
