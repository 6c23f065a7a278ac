"""open(2): every flag, on every type of file."""

import mmap
import os

from steps import *

start()
put("file", b"0123456789")
os.mkdir("dir")
os.symlink("file", "link")
os.symlink("dir", "dirlink")
os.symlink("nothing", "dangling")
os.symlink("loop", "loop")
os.mkfifo("fifo")

MODES = {"RDONLY": os.O_RDONLY, "WRONLY": os.O_WRONLY, "RDWR": os.O_RDWR}
FLAGS = {
    "none": 0,
    "CREAT": os.O_CREAT,
    "CREAT|EXCL": os.O_CREAT | os.O_EXCL,
    "EXCL": os.O_EXCL,
    "APPEND": os.O_APPEND,
    "NOFOLLOW": os.O_NOFOLLOW,
    "DIRECTORY": os.O_DIRECTORY,
    "CREAT|DIRECTORY": os.O_CREAT | os.O_DIRECTORY,
    "PATH": os.O_PATH,
    "PATH|NOFOLLOW": os.O_PATH | os.O_NOFOLLOW,
    "NOATIME": os.O_NOATIME,
    "SYNC": os.O_SYNC,
    "DSYNC": os.O_DSYNC,
    "NONBLOCK": os.O_NONBLOCK,
    "DIRECT": os.O_DIRECT,
    "CREAT|NOFOLLOW": os.O_CREAT | os.O_NOFOLLOW,
    "TMPFILE": os.O_TMPFILE,
}
NAMES = ["file", "dir", "link", "dirlink", "dangling", "loop", "absent", "file/below", "absent/below", "dir/", "file/", "absent/"]

for flag_name, flag in FLAGS.items():
    for mode_name, mode in MODES.items():
        for name in NAMES:
            step(f"open {name} {mode_name}|{flag_name}", open_and, name, mode | flag)
            for made in ("absent", "nothing"):
                if os.path.lexists(made):
                    step(f"  made {made}", look, made)
                    os.unlink(made)
for mode_name, mode in MODES.items():
    step(f"open fifo {mode_name}|NONBLOCK", open_and, "fifo", mode | os.O_NONBLOCK)


def truncating(mode):
    put("file", b"0123456789")
    open_and("file", mode | os.O_TRUNC)
    return both("file")


for mode_name, mode in MODES.items():
    step(f"open {mode_name}|TRUNC", truncating, mode)


def appending(fd):
    os.lseek(fd, 0, os.SEEK_SET)
    os.write(fd, b"abc")
    os.pwrite(fd, b"def", 2)
    return os.lseek(fd, 0, os.SEEK_CUR)


put("file", b"0123456789")
step("write with APPEND", open_and, "file", os.O_RDWR | os.O_APPEND, appending)
step("content", get, "file")
step("content natively", peer_get, "file")


def two_appenders():
    with opened("file", os.O_WRONLY | os.O_APPEND) as a, opened("file", os.O_WRONLY | os.O_APPEND) as b:
        for i in range(20):
            os.write(a if i % 2 else b, b"%d," % i)
    return get("file")


step("two appenders", two_appenders)
step("read of a write-only file", open_and, "file", os.O_WRONLY, lambda fd: os.read(fd, 1))
step("write of a read-only file", open_and, "file", os.O_RDONLY, lambda fd: os.write(fd, b"x"))
step("read of O_PATH", open_and, "file", os.O_PATH, lambda fd: os.read(fd, 1))
step("read of a directory", open_and, "dir", os.O_RDONLY, lambda fd: os.read(fd, 1))
step("fstat of O_PATH", open_and, "file", os.O_PATH, lambda fd: describe(os.fstat(fd)))
step("fchmod of O_PATH", open_and, "file", os.O_PATH, lambda fd: os.fchmod(fd, 0o600))
step("reopen of O_PATH", open_and, "file", os.O_PATH, lambda fd: get(f"/proc/self/fd/{fd}"))
step("ftruncate of a read-only file", open_and, "file", os.O_RDONLY, lambda fd: os.ftruncate(fd, 0))
step("lseek before the start", open_and, "file", os.O_RDONLY, lambda fd: os.lseek(fd, -1, os.SEEK_SET))
step("pread beyond the end", open_and, "file", os.O_RDONLY, lambda fd: os.pread(fd, 10, 1 << 40))
step("pwrite beyond the largest size", open_and, "file", os.O_RDWR, lambda fd: os.pwrite(fd, b"x", (1 << 62) - 1))
step("ftruncate beyond the largest size", open_and, "file", os.O_RDWR, lambda fd: os.ftruncate(fd, 1 << 62))


def direct():
    page = mmap.mmap(-1, 8192)
    page.write(b"d" * 8192)
    with opened("direct", os.O_RDWR | os.O_CREAT | os.O_DIRECT) as fd:
        written = os.pwritev(fd, [page], 0)
        again = mmap.mmap(-1, 4096)
        read = os.preadv(fd, [again], 4096)
        return f"{written} {read} {again[:4]!r}"


step("O_DIRECT, aligned", direct)
step("O_DIRECT, seen natively", peer_get, "direct")


def temporary(flags, link):
    with opened("dir", os.O_TMPFILE | flags, 0o640) as fd:
        os.write(fd, b"temporary")
        text = describe(os.fstat(fd))
        if link:
            name = os.fsencode(link)
            syscall("linkat", AT_FDCWD, b"/proc/self/fd/%d" % fd, AT_FDCWD, name, 0x400)
            text += " then " + describe(os.fstat(fd))
    return text


step("O_TMPFILE", temporary, os.O_RDWR, None)
step("O_TMPFILE write-only", temporary, os.O_WRONLY, None)
step("O_TMPFILE linked", temporary, os.O_RDWR, "dir/linked")
step("O_TMPFILE linked, stat", both, "dir/linked")
step("O_TMPFILE|EXCL linked", temporary, os.O_RDWR | os.O_EXCL, "dir/refused")
step("O_TMPFILE leaves nothing", lambda: sorted(os.listdir("dir")))
