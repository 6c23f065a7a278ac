"""Random file operations from a seed; prints what they answered, and the tree that they left.

    usage: random_ops.py BASE PEER SEED COUNT [verbose]
"""

import contextlib
import hashlib
import mmap
import os
import random
import sys

from steps import *

seed, count = int(sys.argv[3]), int(sys.argv[4])
verbose = len(sys.argv) > 5
rng = random.Random(seed)
DIRS = [".", "d0", "d1", "d0/e", "d2"]
USERS = [(0, [])] * 5 + [(ALICE, []), (ALICE, [TEAM]), (BOB, []), (BOB, [TEAM])]
handles = []


def name():
    return f"{rng.choice(DIRS)}/n{rng.randrange(24)}"


def data():
    return bytes([rng.randrange(256)]) * rng.choice((1, 100, 4096, 5000, 70000))


def offset():
    return rng.choice((0, 1, 4096, 10_000, 100_000, rng.randrange(300_000)))


def op_open(path, flags):
    if len(handles) >= 12:
        os.close(handles.pop(rng.randrange(len(handles))))
    handles.append(os.open(path, flags, 0o666))


def op_map(fd, at, value):
    size = os.fstat(fd).st_size
    if size == 0:
        return "empty"
    with mmap.mmap(fd, size) as mapping:
        mapping[at % size] = value
        return hashlib.md5(mapping[:]).hexdigest()


def op_read(fd, at, length):
    return hashlib.md5(os.pread(fd, length, at)).hexdigest()


def op_look(path):
    status = os.lstat(path)
    text = describe(status)
    return text.split(" size ")[0] if text.startswith("d") else text


@contextlib.contextmanager
def acting_as(uid, groups):
    """Runs as another user for a while; the descriptors stay."""
    if uid == 0:
        yield
        return
    os.setgroups(groups)
    os.setegid(uid)
    os.seteuid(uid)
    try:
        yield
    finally:
        os.seteuid(0)
        os.setegid(0)
        os.setgroups([])


def on_handle(action, *arguments):
    return "no handle" if not handles else action(handles[rng.randrange(len(handles))], *arguments)


def op_write(write, fd, *arguments):
    """
    The kernel lets an inode have one backing file, which writes with the rights of who opened it first. So root loses its
    own right to keep suid and sgid bits while another user has the file open, as a member of the file's group loses that
    to keep sgid where the group may not execute; here they do not write to such a file.
    """
    status = os.fstat(fd)
    is_member = status.st_gid in (os.getegid(), *os.getgroups())
    keeps = 0o6000 if os.geteuid() == 0 else 0o2000 if is_member and not status.st_mode & 0o010 else 0
    if status.st_mode & keeps:
        return "left alone"
    return write(fd, *arguments)


def op_write_at(fd, content, at):
    return op_write(os.pwrite, fd, content, at)


def op_write_on(fd, content):
    return op_write(os.write, fd, content)


def op_copy(a, b, length):
    if not handles:
        return "no handle"
    source, target = rng.choice(handles), rng.choice(handles)
    return os.copy_file_range(source, target, length, a, b)


OPEN_FLAGS = (os.O_RDWR | os.O_CREAT, os.O_RDWR, os.O_RDONLY, os.O_RDWR | os.O_CREAT | os.O_TRUNC,
              os.O_RDWR | os.O_CREAT | os.O_EXCL, os.O_RDWR | os.O_APPEND)
OPERATIONS = [
    (12, lambda: (op_open, name(), rng.choice(OPEN_FLAGS))),
    (6, lambda: (lambda: os.close(handles.pop(rng.randrange(len(handles)))) if handles else "no handle",)),
    (14, lambda: (on_handle, op_write_at, data(), offset())),
    (8, lambda: (on_handle, op_write_on, data())),
    (12, lambda: (on_handle, op_read, offset(), 100_000)),
    (5, lambda: (on_handle, op_map, offset(), rng.randrange(256))),
    (4, lambda: (on_handle, os.ftruncate, offset())),
    (4, lambda: (on_handle, fallocate, rng.choice((0, 1, 3, 16, 17)), offset(), 1 + offset())),
    (1, lambda: (on_handle, os.fsync)),
    (3, lambda: (op_copy, offset(), offset(), 1 + offset())),
    (8, lambda: (os.rename, name(), name())),
    (3, lambda: (rename2, name(), name(), rng.choice((1, 2, 4)))),
    (5, lambda: (os.link, name(), name())),
    (9, lambda: (os.unlink, name())),
    (4, lambda: (os.mkdir, name())),
    (4, lambda: (os.rmdir, name())),
    (3, lambda: (os.symlink, name(), name())),
    (3, lambda: (os.readlink, name())),
    (3, lambda: (os.truncate, name(), offset())),
    (4, lambda: (os.chmod, name(), rng.choice((0o644, 0o666, 0o6755, 0o777, 0o6767, 0o2766)))),
    (3, lambda: (os.lchown, name(), rng.choice((0, ALICE)), rng.choice((0, TEAM)))),
    (3, lambda: (os.utime, name(), None)),
    (4, lambda: (os.setxattr, name(), "user." + rng.choice("abc"), data()[:200])),
    (3, lambda: (lambda path: sorted(os.listxattr(path)), name())),
    (2, lambda: (os.removexattr, name(), "user." + rng.choice("abc"))),
    (15, lambda: (op_look, name())),
    (5, lambda: (lambda path: sorted(os.listdir(path)), rng.choice(DIRS))),
]
WEIGHTS = [weight for weight, _ in OPERATIONS]


def tree(root):
    """Digest of everything below root."""
    digest = hashlib.md5()
    for where, dirs, files in os.walk(root):
        dirs.sort()
        for entry in sorted(dirs + files):
            path = os.path.join(where, entry)
            text = describe(os.lstat(path))
            text = text.split(" size ")[0] if text.startswith("d") else text
            digest.update(f"{os.path.relpath(path, root)} {text}\n".encode())
            digest.update(repr([(a, os.getxattr(path, a, follow_symlinks=False)) for a in sorted(os.listxattr(path, follow_symlinks=False))]).encode())
            if os.path.islink(path):
                digest.update(os.readlink(path).encode())
            elif os.path.isfile(path):
                digest.update(get(path))
    return digest.hexdigest()


start()
os.makedirs("d0/e")
os.mkdir("d1")
os.mkdir("d2")
for path, mode in {".": 0o777, "d0": 0o2777, "d0/e": 0o755, "d1": 0o1777, "d2": 0o2770}.items():
    os.chown(path, 0, TEAM)
    os.chmod(path, mode)
digest = hashlib.md5()
for i in range(count):
    action, *arguments = rng.choices(OPERATIONS, WEIGHTS)[0][1]()
    user = rng.choice(USERS)
    # The generator must go on alike in both runs, whatever the operation answered.
    state = rng.getrandbits(32)
    with acting_as(*user):
        text = outcome(action, *arguments)
    rng.seed(state)
    digest.update(text.encode())
    if verbose:
        print(i, user, getattr(action, "__name__", ""), [a if isinstance(a, (str, int)) else getattr(a, "__name__", len(a) if isinstance(a, bytes) else "") for a in arguments], text)
    elif i % 500 == 499:
        print(f"{i + 1} {digest.hexdigest()}", flush=True)
print("tree", tree("."))
print("tree natively", tree(peer))
for fd in handles:
    os.close(fd)
