"""chmod, chown, the clearing of suid and sgid, and times to the nanosecond."""

import ctypes
import os
import time

from steps import *

start()
os.chmod(".", 0o777)


def special(mode=0o6777, uid=ALICE, gid=TEAM, name="special", content=b"0123456789"):
    """A file with suid and sgid that all may write."""
    if os.path.lexists(name):
        os.unlink(name)
    put(name, content)
    os.chown(name, uid, gid)
    os.chmod(name, mode)


def write(fd):
    os.write(fd, b"w")


ACTIONS = {
    "write": lambda: open_and("special", os.O_WRONLY, write),
    "append": lambda: open_and("special", os.O_WRONLY | os.O_APPEND, write),
    "pwrite": lambda: open_and("special", os.O_RDWR, lambda fd: os.pwrite(fd, b"w", 100)),
    "open with O_TRUNC": lambda: open_and("special", os.O_WRONLY | os.O_TRUNC),
    "open only": lambda: open_and("special", os.O_WRONLY),
    "truncate": lambda: os.truncate("special", 3),
    "truncate to the same size": lambda: os.truncate("special", 10),
    "ftruncate": lambda: open_and("special", os.O_RDWR, lambda fd: os.ftruncate(fd, 3)),
    "fallocate": lambda: open_and("special", os.O_RDWR, lambda fd: fallocate(fd, 0, 0, 8192)),
    "copy_file_range": lambda: open_and(
        "special", os.O_RDWR, lambda fd: open_and("source", os.O_RDONLY, lambda s: os.copy_file_range(s, fd, 4))
    ),
    "chown to self": lambda: os.chown("special", os.getuid(), -1),
    "chown nothing": lambda: os.chown("special", -1, -1),
    "chgrp to own group": lambda: os.chown("special", -1, os.getgid()),
    "chgrp to team": lambda: os.chown("special", -1, TEAM),
    "chmod the same": lambda: os.chmod("special", 0o6777),
    "chmod 2755": lambda: os.chmod("special", 0o2755),
    "utime": lambda: os.utime("special"),
    "rename": lambda: os.rename("special", "special2") or os.rename("special2", "special"),
    "link": lambda: os.link("special", "special2") or os.unlink("special2"),
    "setxattr": lambda: os.setxattr("special", "user.x", b"1"),
}
put("source", b"abcd")
WHO = {
    "root": (0, {}),
    "owner": (ALICE, {}),
    "owner in team": (ALICE, {"groups": (TEAM,)}),
    "other": (BOB, {}),
    "member": (BOB, {"groups": (TEAM,)}),
}
for mode in (0o6777, 0o6767, 0o2767, 0o2777, 0o4777):
    for who, (uid, options) in WHO.items():
        for what, action in ACTIONS.items():
            special(mode)
            step_as(uid, f"{who} {what} {mode:o}", action, **options)
            step("  then", both, "special")


def written_while_open():
    """suid goes at the first write also when it was set after the open."""
    special(0o777)
    with opened("special", os.O_WRONLY) as fd:
        os.write(fd, b"1")
        os.chmod("special", 0o6777)
        run_as(BOB, lambda: os.write(fd, b"2"))
        return look("special")


step("suid set between two writes", written_while_open)
special()
step("chown root:root", os.chown, "special", 0, 0)
step("  then", both, "special")
os.mkdir("dir")
os.chown("dir", ALICE, TEAM)
os.chmod("dir", 0o6777)
step_as(ALICE, "chown of a directory keeps its bits", os.chown, "dir", -1, ALICE)
step("  then", both, "dir")
step("chmod 0", os.chmod, "dir", 0)
step("  then", both, "dir")
os.symlink("dir", "link")
step("lchown", os.lchown, "link", ALICE, ALICE)
step("  then", both, "link")
step("chown through a link", os.chown, "link", BOB, BOB)
step("  then", both, "dir")
step("chown to the largest ids", os.chown, "dir", 0xFFFFFFFE, 0xFFFFFFFE)
step("  then", both, "dir")

# Times.
NOW = "now"
OMIT = "omit"


def utimens(path, atime, mtime, follow=True):
    spec = (ctypes.c_long * 4)()
    for i, value in enumerate((atime, mtime)):
        spec[2 * i], spec[2 * i + 1] = {NOW: (0, UTIME_NOW), OMIT: (0, UTIME_OMIT)}.get(value, value)
    syscall("utimensat", AT_FDCWD, os.fsencode(path), spec, 0 if follow else 0x100)


def times(path):
    """Times through both sides, "now" for what lies within the last minute."""
    texts = []
    for root in (".", peer):
        status = os.lstat(os.path.join(root, path))
        recent = time.time_ns() - 60_000_000_000
        show = [NOW if t > recent else t for t in (status.st_atime_ns, status.st_mtime_ns, status.st_ctime_ns)]
        texts.append(str(show))
    return texts[0] if texts[0] == texts[1] else f"{texts[0]} DIFFERS NATIVELY {texts[1]}"


put("timed")
os.symlink("timed", "timed-link")
os.mkdir("timed-dir")
for path in ("timed", "timed-dir", "timed-link"):
    for atime, mtime in [
        ((1, 123456789), (2, 987654321)),
        (NOW, OMIT),
        (OMIT, NOW),
        (OMIT, OMIT),
        ((3, 1), OMIT),
        (OMIT, (4, 999999999)),
        (NOW, NOW),
        ((-5, 5), (-6, 6)),
        ((1 << 33, 7), ((1 << 33) + 5, 8)),
        ((1 << 40, 7), (1 << 40, 8)),
        ((0, 0), (0, 0)),
        ((0, 1_000_000_000), (0, 0)),
    ]:
        step(f"utimensat {path} {atime} {mtime}", utimens, path, atime, mtime, path != "timed-link")
        step("  then", times, path)
put("shared-time", b"x", 0o666)
os.chown("shared-time", ALICE, ALICE)
for name, atime, mtime in [("now", NOW, NOW), ("omit", OMIT, OMIT), ("one", NOW, OMIT), ("set", (1, 1), (1, 1))]:
    step_as(BOB, f"utimensat {name} by one who may write", utimens, "shared-time", atime, mtime)
    step_as(ALICE, f"utimensat {name} by the owner", utimens, "shared-time", atime, mtime)
step("futimens", open_and, "timed", os.O_RDONLY, lambda fd: os.utime(fd, ns=(5_000_000_001, 6_000_000_002)))
step("  then", times, "timed")


def order():
    """mtime and ctime move with every change, and a directory's with its names."""
    lines = []
    os.utime("timed", ns=(1, 1))
    os.utime("timed-dir", ns=(1, 1))
    open_and("timed", os.O_WRONLY, write)
    lines.append(f"write {times('timed')}")
    os.utime("timed", ns=(1, 1))
    os.chmod("timed", 0o600)
    lines.append(f"chmod {times('timed')}")
    put("timed-dir/new")
    lines.append(f"create {times('timed-dir')}")
    os.utime("timed-dir", ns=(1, 1))
    os.rename("timed-dir/new", "timed-dir/renamed")
    lines.append(f"rename {times('timed-dir')}")
    os.utime("timed-dir", ns=(1, 1))
    os.unlink("timed-dir/renamed")
    lines.append(f"unlink {times('timed-dir')}")
    return " ".join(lines)


step("what moves times", order)
