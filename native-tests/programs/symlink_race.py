"""Races renames against symbolic links, and looks whether anything reaches beyond the entry.

    usage: symlink_race.py BASE PEER OUTSIDE SECONDS
    OUTSIDE  a directory that only root may enter; holds what must never be read or changed

One process runs as another user and works on paths below `victim`, a second one swaps `victim` with a
symbolic link to OUTSIDE through the mount, a third one does so natively, as root.
"""

import os
import random
import signal
import sys
import time

from steps import *

outside, seconds = sys.argv[3], float(sys.argv[4])
SECRET = b"secret"


def prepare():
    os.makedirs(f"{outside}/sub", exist_ok=True)
    for name in ("file", "sub/file", "target"):
        put(f"{outside}/{name}", SECRET, 0o600)
    os.chmod(outside, 0o700)
    os.mkdir("area")
    os.makedirs("area/victim/sub")
    for name in ("file", "sub/file", "target"):
        put(f"area/victim/{name}", b"inside", 0o666)
    os.symlink(outside, "area/absolute")
    os.symlink(os.path.relpath(outside, os.path.join(peer, "area")), "area/relative")
    os.system(f"chown -hR {ALICE}:{ALICE} area && chmod -R a+rwX area")


def census():
    lines = []
    for where, dirs, files in sorted(os.walk(outside)):
        for name in sorted(dirs + files) + ["."]:
            path = os.path.join(where, name)
            status = os.lstat(path)
            lines.append((path, describe(status), status.st_mtime_ns, status.st_ctime_ns, os.listxattr(path)))
            if os.path.isfile(path):
                lines.append(get(path))
    return lines


def swap(area, link):
    """Exchanges the directory and the link, over and over."""
    while True:
        try:
            rename2(f"{area}/victim", f"{area}/{link}", RENAME_EXCHANGE)
        except OSError:
            time.sleep(0.0001)


def attempts(i):
    v = "area/victim"
    yield lambda: put(f"{v}/file", b"overwritten")
    yield lambda: get(f"{v}/file")
    yield lambda: open_and(f"{v}/new{i}", os.O_WRONLY | os.O_CREAT | os.O_EXCL)
    yield lambda: os.unlink(f"{v}/new{i}")
    yield lambda: os.truncate(f"{v}/target", 1)
    yield lambda: os.chmod(f"{v}/target", 0o666)
    yield lambda: os.setxattr(f"{v}/target", "user.race", b"1")
    yield lambda: os.removexattr(f"{v}/target", "user.race")
    yield lambda: os.mkdir(f"{v}/dir{i}")
    yield lambda: os.rmdir(f"{v}/dir{i}")
    yield lambda: os.symlink("x", f"{v}/link{i}")
    yield lambda: os.unlink(f"{v}/link{i}")
    yield lambda: os.rename(f"{v}/sub/file", f"{v}/sub/moved")
    yield lambda: os.rename(f"{v}/sub/moved", f"{v}/sub/file")
    yield lambda: os.link(f"{v}/file", f"{v}/hard{i}")
    yield lambda: os.unlink(f"{v}/hard{i}")
    yield lambda: os.utime(f"{v}/target", ns=(1, 1))
    yield lambda: os.listdir(v)
    yield lambda: get(f"{v}/sub/file")
    yield lambda: os.mknod(f"{v}/node{i}", 0o100644)
    yield lambda: os.unlink(f"{v}/node{i}")


def work(until):
    done, leaked = 0, 0
    while time.monotonic() < until:
        for attempt in attempts(random.randrange(10)):
            try:
                done += attempt() is None
            except OSError:
                pass
            else:
                continue
        for name in ("area/victim/file", "area/victim/target", "area/victim/sub/file"):
            try:
                leaked += SECRET in get(name)
            except OSError:
                continue
    return done, leaked


def spawn(uid, action, *arguments):
    pid = os.fork()
    if pid == 0:
        os.setgroups([])
        os.setgid(uid)
        os.setuid(uid)
        action(*arguments)
        os._exit(0)
    return pid


start()
prepare()
before = census()
swappers = [
    spawn(ALICE, swap, os.path.join(base, "area"), "absolute"),
    spawn(0, swap, os.path.join(peer, "area"), "relative"),
]
results = [run_as(ALICE, lambda: "worked %d, leaked %d" % work(time.monotonic() + seconds))]
for pid in swappers:
    os.kill(pid, signal.SIGKILL)
    os.waitpid(pid, 0)
print("outside", "unchanged" if census() == before else "CHANGED")
print(results[0])
