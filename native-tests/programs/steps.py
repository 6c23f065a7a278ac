"""What step programs share: each step prints one line, its result or the name of its errno.

A program is run twice, once in a native directory and once in an entry of a mount; its two outputs must be
the same. So nothing that may rightly differ (inode numbers, device numbers, times of day) is printed.

    usage: PROGRAM BASE PEER
    BASE  an empty directory, becomes the working directory
    PEER  the same directory as the native file system shows it; BASE itself in the native run
"""

import contextlib
import ctypes
import errno
import os
import stat
import sys
import traceback

libc = ctypes.CDLL(None, use_errno=True)

AT_FDCWD = -100
AT_EMPTY_PATH = 0x1000
RENAME_NOREPLACE, RENAME_EXCHANGE, RENAME_WHITEOUT = 1, 2, 4
UTIME_NOW, UTIME_OMIT = (1 << 30) - 1, (1 << 30) - 2

ALICE, BOB, TEAM = 1000, 65534, 2000

base = os.path.abspath(sys.argv[1]) if len(sys.argv) > 1 else "."
peer = os.path.abspath(sys.argv[2]) if len(sys.argv) > 2 else base


def start():
    """Enters the base directory with a known umask."""
    os.umask(0o022)
    os.chdir(base)


def step(name, action, *arguments):
    """Runs action and prints `name = result` or `name ! ERRNO`."""
    print(f"{name} {outcome(action, *arguments)}", flush=True)


def outcome(action, *arguments):
    try:
        return f"= {shown(action(*arguments))}"
    except OSError as error:
        return f"! {errno.errorcode.get(error.errno, error.errno)}"
    except Exception:  # a broken program must be seen, not compared
        traceback.print_exc()
        sys.exit(1)


def shown(value):
    if value is None:
        return "ok"
    if isinstance(value, bytes) and len(value) > 64:
        return f"{len(value)} bytes {value[:16]!r} sum {sum(value) % 65521}"
    return value if isinstance(value, str) else repr(value)


def same(*paths):
    """Whether the paths are one inode, through the base and through the peer."""
    return [len({os.lstat(os.path.join(root, p)).st_ino for p in paths}) == 1 for root in (".", peer)]


def look(path, follow=False, blocks=False):
    """Type, mode, links, owner and size of a path, in text."""
    return describe(os.stat(path, follow_symlinks=follow), blocks)


def describe(status, blocks=False):
    kind = stat.filemode(status.st_mode)[0]
    mode = oct(stat.S_IMODE(status.st_mode))
    text = f"{kind} {mode} links {status.st_nlink} {status.st_uid}:{status.st_gid} size {status.st_size}"
    if status.st_rdev:
        text += f" rdev {os.major(status.st_rdev)},{os.minor(status.st_rdev)}"
    if blocks:
        text += f" blocks {status.st_blocks} blksize {status.st_blksize}"
    return text


def both(path, blocks=False):
    """The path through the base and through the peer; says so when they differ."""
    ours, theirs = os.lstat(path), os.lstat(os.path.join(os.fsencode(peer), os.fsencode(path)))
    fields = ["st_mode", "st_nlink", "st_uid", "st_gid", "st_size", "st_rdev", "st_mtime_ns", "st_blocks"]
    differing = [f for f in fields if getattr(ours, f) != getattr(theirs, f)]
    return describe(ours, blocks) + (f" DIFFERS NATIVELY {differing}" if differing else "")


def put(path, content=b"content\n", mode=0o644):
    with opened(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode) as fd:
        os.write(fd, content)
    os.chmod(path, mode)


def get(path):
    with opened(path, os.O_RDONLY) as fd:
        return read_all(fd)


def read_all(fd):
    parts = []
    while part := os.read(fd, 1 << 20):
        parts.append(part)
    return b"".join(parts)


def peer_get(path):
    """Content as the native file system shows it."""
    return get(os.path.join(os.fsencode(peer), os.fsencode(path)))


@contextlib.contextmanager
def opened(path, flags, mode=0o666, dir_fd=None):
    fd = os.open(path, flags, mode, dir_fd=dir_fd)
    try:
        yield fd
    finally:
        os.close(fd)


def open_and(path, flags, action=None, mode=0o666):
    """Opens, runs action(fd), closes; the result of action or `ok`."""
    with opened(path, flags, mode) as fd:
        return action(fd) if action else None


def run_as(uid, action, *arguments, gid=None, groups=(), umask=0o022):
    """Runs action in a child process as another user, and returns its outcome in text."""
    reader, writer = os.pipe()
    pid = os.fork()
    if pid == 0:
        try:
            os.umask(umask)
            os.setgroups(list(groups))
            os.setgid(uid if gid is None else gid)
            os.setuid(uid)
            text = outcome(action, *arguments)
        except BaseException:
            text = traceback.format_exc()
        os.write(writer, text.encode())
        os._exit(0)
    os.close(writer)
    with os.fdopen(reader) as answers:
        text = answers.read()
    os.waitpid(pid, 0)
    return text


def step_as(uid, name, action, *arguments, **options):
    """A step in a child process that runs as uid."""
    print(f"as {uid}: {name} {run_as(uid, action, *arguments, **options)}", flush=True)


def syscall(name, *arguments):
    """Calls a function of the C library; raises OSError when it answers -1."""
    result = getattr(libc, name)(*[ctypes.c_long(a) if isinstance(a, int) else a for a in arguments])
    if result == -1:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
    return result


def rename2(source, target, flags):
    syscall("renameat2", AT_FDCWD, os.fsencode(source), AT_FDCWD, os.fsencode(target), flags)


def fallocate(fd, mode, offset, length):
    syscall("fallocate64", fd, mode, offset, length)
