"""Every way to change something, tried where nothing may change.

    usage: refused_changes.py BASE      BASE was filled by fill() below while it was writable
"""

import ctypes
import fcntl
import mmap
import os
import sys

from steps import *

BLOCK = 4096


def fill():
    os.makedirs("dir/sub")
    put("file", b"f" * BLOCK * 4, 0o666)
    put("dir/file", b"d")
    os.symlink("file", "link")
    os.mkfifo("fifo")
    os.link("file", "hard")
    os.setxattr("file", "user.x", b"1")
    os.chmod(".", 0o777)
    os.chmod("dir", 0o777)


def ioctl_setflags(fd):
    fcntl.ioctl(fd, 0x40086602, ctypes.c_long(0))


def map_shared(fd):
    mmap.mmap(fd, BLOCK, prot=mmap.PROT_READ | mmap.PROT_WRITE, flags=mmap.MAP_SHARED)


def changes():
    yield "create", lambda: open_and("new", os.O_WRONLY | os.O_CREAT)
    yield "create exclusively", lambda: open_and("new", os.O_WRONLY | os.O_CREAT | os.O_EXCL)
    yield "create read-only", lambda: open_and("new", os.O_RDONLY | os.O_CREAT)
    yield "create below", lambda: open_and("dir/new", os.O_WRONLY | os.O_CREAT)
    yield "O_TMPFILE", lambda: open_and("dir", os.O_TMPFILE | os.O_RDWR)
    for name, flags in {
        "O_WRONLY": os.O_WRONLY,
        "O_RDWR": os.O_RDWR,
        "O_APPEND": os.O_WRONLY | os.O_APPEND,
        "O_RDONLY|O_TRUNC": os.O_RDONLY | os.O_TRUNC,
        "O_WRONLY|O_TRUNC": os.O_WRONLY | os.O_TRUNC,
        "O_RDWR|O_CREAT": os.O_RDWR | os.O_CREAT,
        "O_WRONLY|O_DIRECT": os.O_WRONLY | os.O_DIRECT,
    }.items():
        yield f"open {name}", lambda: open_and("file", flags)
        yield f"open {name} through a link", lambda: open_and("link", flags & ~os.O_NOFOLLOW)
        yield f"open {name} through /proc", lambda: open_and("file", os.O_PATH, lambda fd: open_and(f"/proc/self/fd/{fd}", flags))
    yield "truncate", lambda: os.truncate("file", 0)
    yield "mkdir", lambda: os.mkdir("newdir")
    yield "mkdir below", lambda: os.mkdir("dir/newdir")
    yield "rmdir", lambda: os.rmdir("dir/sub")
    yield "unlink", lambda: os.unlink("file")
    yield "unlink fifo", lambda: os.unlink("fifo")
    yield "symlink", lambda: os.symlink("x", "newlink")
    yield "link", lambda: os.link("file", "dir/newhard")
    yield "mknod", lambda: os.mknod("newnode", 0o100666)
    yield "mkfifo", lambda: os.mkfifo("newfifo")
    yield "device", lambda: os.mknod("newchar", 0o020666, os.makedev(1, 3))
    yield "rename", lambda: os.rename("file", "moved")
    yield "rename below", lambda: os.rename("file", "dir/moved")
    yield "rename directory", lambda: os.rename("dir/sub", "dir/moved")
    yield "rename over", lambda: os.rename("file", "dir/file")
    for name, flag in {"NOREPLACE": RENAME_NOREPLACE, "WHITEOUT": RENAME_WHITEOUT}.items():
        yield f"rename {name}", lambda: rename2("file", "moved", flag)
    yield "rename EXCHANGE", lambda: rename2("file", "dir/file", RENAME_EXCHANGE)
    yield "chmod", lambda: os.chmod("file", 0o600)
    yield "chmod directory", lambda: os.chmod("dir", 0o700)
    yield "chmod of the top", lambda: os.chmod(".", 0o700)
    yield "chown", lambda: os.chown("file", 5, 5)
    yield "chown of the top", lambda: os.chown(".", 5, 5)
    yield "lchown", lambda: os.lchown("link", 5, 5)
    yield "utime", lambda: os.utime("file")
    yield "utime set", lambda: os.utime("file", ns=(1, 1))
    yield "utime of a directory", lambda: os.utime("dir", ns=(1, 1))
    yield "utime of the top", lambda: os.utime(".", ns=(1, 1))
    yield "utime of a link", lambda: os.utime("link", ns=(1, 1), follow_symlinks=False)
    for name in ("user.x", "user.new", "trusted.x", "security.x"):
        yield f"setxattr {name}", lambda: os.setxattr("file", name, b"2")
    yield "setxattr of the top", lambda: os.setxattr(".", "user.x", b"2")
    yield "removexattr", lambda: os.removexattr("file", "user.x")
    minimal = bytes.fromhex("0200000001000700ffffffff04000500ffffffff20000000ffffffff")
    yield "access acl", lambda: os.setxattr("file", "system.posix_acl_access", minimal)
    yield "default acl", lambda: os.setxattr("dir", "system.posix_acl_default", minimal)
    yield "fchmod", lambda: open_and("file", os.O_RDONLY, lambda fd: os.fchmod(fd, 0o600))
    yield "fchown", lambda: open_and("file", os.O_RDONLY, lambda fd: os.fchown(fd, 5, 5))
    yield "futimens", lambda: open_and("file", os.O_RDONLY, lambda fd: os.utime(fd))
    yield "fsetxattr", lambda: open_and("file", os.O_RDONLY, lambda fd: os.setxattr(fd, "user.x", b"3"))
    yield "fremovexattr", lambda: open_and("file", os.O_RDONLY, lambda fd: os.removexattr(fd, "user.x"))


def other_refusals():
    """Refused as well, with an errno of their own: the descriptor is not open for writing."""
    yield "write", lambda: open_and("file", os.O_RDONLY, lambda fd: os.write(fd, b"x"))
    yield "pwrite", lambda: open_and("file", os.O_RDONLY, lambda fd: os.pwrite(fd, b"x", 0))
    yield "ftruncate", lambda: open_and("file", os.O_RDONLY, lambda fd: os.ftruncate(fd, 0))
    for mode in (0, 1, 3, 16):
        yield f"fallocate {mode}", lambda: open_and("file", os.O_RDONLY, lambda fd: fallocate(fd, mode, 0, 100))
    yield "copy_file_range", lambda: open_and("file", os.O_RDONLY, lambda a: open_and("hard", os.O_RDONLY, lambda b: os.copy_file_range(a, b, 10, 0, 100)))
    yield "shared mapping", lambda: open_and("file", os.O_RDONLY, map_shared)
    yield "FS_IOC_SETFLAGS", lambda: open_and("file", os.O_RDONLY, ioctl_setflags)


def snapshot():
    """Everything that could have changed."""
    lines = []
    for where, dirs, files in sorted(os.walk(".")):
        for name in sorted(dirs + files) + ["."]:
            path = os.path.join(where, name)
            status = os.lstat(path)
            attributes = [(a, os.getxattr(path, a, follow_symlinks=False)) for a in sorted(os.listxattr(path, follow_symlinks=False))]
            content = get(path) if os.path.isfile(path) else ""
            lines.append((path, describe(status), status.st_mtime_ns, status.st_ctime_ns, attributes, content))
    return lines


def main():
    if len(sys.argv) > 2 and sys.argv[2] == "fill":
        start()
        fill()
        return
    start()
    before = snapshot()
    for name, action in changes():
        step(name, action)
        if snapshot() != before:
            print(f"{name} CHANGED SOMETHING")
            before = snapshot()
    for name, action in other_refusals():
        text = outcome(action)
        print(f"{name} {'refused' if text.startswith('!') else text}")
        if snapshot() != before:
            print(f"{name} CHANGED SOMETHING")
            before = snapshot()
    step_as(ALICE, "create by another user", lambda: open_and("dir/new", os.O_WRONLY | os.O_CREAT))
    step_as(ALICE, "write by another user", lambda: open_and("file", os.O_RDWR))


main()
