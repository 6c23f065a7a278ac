"""Space within files: fallocate, holes, copies, clones, flushing; statfs and statx.

The modes COLLAPSE_RANGE, INSERT_RANGE and UNSHARE_RANGE are left out: the kernel's FUSE client refuses them
without asking the server.
"""

import errno
import fcntl
import os

from steps import *

start()
BLOCK = 4096
MODES = {
    "allocate": 0,
    "KEEP_SIZE": 1,
    "PUNCH_HOLE": 2,
    "PUNCH_HOLE|KEEP_SIZE": 3,
    "ZERO_RANGE": 16,
    "ZERO_RANGE|KEEP_SIZE": 17,
    "PUNCH_HOLE|ZERO_RANGE": 18,
}


def fresh(name="file", blocks=8):
    if os.path.lexists(name):
        os.unlink(name)
    put(name, b"".join(bytes([65 + i]) * BLOCK for i in range(blocks)))


def segments(path):
    """Data and holes, in blocks."""

    def walk(fd):
        end, position, found = os.fstat(fd).st_size, 0, []
        while position < end:
            try:
                data = os.lseek(fd, position, os.SEEK_DATA)
            except OSError as error:
                found.append(errno.errorcode[error.errno])
                break
            position = os.lseek(fd, data, os.SEEK_HOLE)
            found.append((data, position))
        return found

    return open_and(path, os.O_RDONLY, walk)


RANGES = [(0, BLOCK), (BLOCK, 2 * BLOCK), (100, 200), (BLOCK * 7, BLOCK * 4), (BLOCK * 20, BLOCK), (5000, 9000)]
BAD_RANGES = [(0, 0), (-1, 10), (0, -1), (1 << 62, 1 << 62), (1 << 52, 1)]
for mode_name, mode in MODES.items():
    for offset, length in RANGES + BAD_RANGES:
        fresh()
        step(f"fallocate {mode_name} {offset} {length}", open_and, "file", os.O_RDWR, lambda fd: fallocate(fd, mode, offset, length))
        step("  then", both, "file")
        # Where the file system allows for one, a file of 4 PiB is not read.
        if os.stat("file").st_size < 1 << 30:
            step("  content", get, "file")
            step("  segments", segments, "file")
fresh()
step("fallocate of a read-only descriptor", open_and, "file", os.O_RDONLY, lambda fd: fallocate(fd, 0, 0, 10))
step("fallocate of a directory", open_and, ".", os.O_RDONLY, lambda fd: fallocate(fd, 0, 0, 10))

# Holes.
with opened("sparse", os.O_RDWR | os.O_CREAT) as fd:
    os.ftruncate(fd, 1 << 30)
    for offset in (BLOCK * 3, 1 << 20, (1 << 29) + 5):
        os.pwrite(fd, b"data" * 1024, offset)
step("sparse file", both, "sparse", True)
step("its segments", segments, "sparse")
for whence_name, whence in {"DATA": os.SEEK_DATA, "HOLE": os.SEEK_HOLE}.items():
    for offset in (0, 1, BLOCK * 3, BLOCK * 4, 1 << 20, (1 << 30) - 1, 1 << 30, 1 << 31, -1):
        step(f"SEEK_{whence_name} {offset}", open_and, "sparse", os.O_RDONLY, lambda fd: os.lseek(fd, offset, whence))
step("SEEK_END", open_and, "sparse", os.O_RDONLY, lambda fd: os.lseek(fd, -5, os.SEEK_END))
step("SEEK_DATA moves the offset", open_and, "sparse", os.O_RDONLY, lambda fd: (os.lseek(fd, 0, os.SEEK_DATA), os.read(fd, 4)))
step("cp keeps holes", lambda: os.system("cp --sparse=auto --reflink=never sparse copied"))
step("  segments of the copy", segments, "copied")


# copy_file_range.
def copy(source, target, count, from_offset=None, to_offset=None, flags=os.O_RDWR):
    with opened(source, os.O_RDONLY) as a, opened(target, flags | os.O_CREAT) as b:
        return os.copy_file_range(a, b, count, from_offset, to_offset)


fresh("a")
put("b", b"")
put("empty", b"")
for count, from_offset, to_offset in [(100, 0, 0), (8 * BLOCK, 0, 0), (1 << 20, 0, 0), (10, BLOCK * 8, 0), (10, 5, 1 << 20), (0, 0, 0)]:
    step(f"copy_file_range {count} {from_offset} {to_offset}", copy, "a", "b", count, from_offset, to_offset)
    step("  then", both, "b")
    step("  content", get, "b")
step("copy_file_range within, overlapping", copy, "a", "a", BLOCK * 2, 0, BLOCK)
step("copy_file_range within", copy, "a", "a", BLOCK, 0, BLOCK * 4)
step("  content", get, "a")
step("  content natively", peer_get, "a")
step("copy_file_range of an empty file", copy, "empty", "b", 10, 0, 0)
step("copy_file_range to a read-only descriptor", copy, "a", "b", 10, 0, 0, os.O_RDONLY)
step("copy_file_range to an appending descriptor", copy, "a", "b", 10, 0, 0, os.O_WRONLY | os.O_APPEND)
step("copy_file_range without offsets", copy, "a", "b", 10)

FICLONE = 0x40049409
step("FICLONE", lambda: open_and("a", os.O_RDONLY, lambda s: open_and("clone", os.O_RDWR | os.O_CREAT, lambda d: fcntl.ioctl(d, FICLONE, s))))

# Flushing.
for name, action in {
    "fsync": os.fsync,
    "fdatasync": os.fdatasync,
    "syncfs": lambda fd: syscall("syncfs", fd),
    "sync_file_range": lambda fd: syscall("sync_file_range", fd, 0, 100, 7),
    "posix_fadvise": lambda fd: os.posix_fadvise(fd, 0, 0, os.POSIX_FADV_DONTNEED),
    "readahead": lambda fd: syscall("readahead", fd, 0, BLOCK),
}.items():
    for path, flags in {"a": os.O_RDWR, "b": os.O_RDONLY, ".": os.O_RDONLY}.items():
        step(f"{name} of {path}", open_and, path, flags, action)


# statfs: the store's file system.
def space(root):
    values = os.statvfs(root)
    return [values.f_bsize, values.f_frsize, values.f_blocks, values.f_files, values.f_namemax]


step("statvfs", space, ".")
step("statvfs is the native one", lambda: space(".") == space(peer))
step("free space is the native one", lambda: abs(os.statvfs(".").f_bavail - os.statvfs(peer).f_bavail) < 5000)


# statx: birth time.
def birth(path):
    text = os.popen(f"stat -c '%W' {path}").read().strip()
    native = os.popen(f"stat -c '%W' {os.path.join(peer, path)}").read().strip()
    return f"known {int(text or 0) > 0} as natively {text == native}"


for path in ("a", ".", "sparse"):
    step(f"birth time of {path}", birth, path)


# Large and vectored I/O.
def vectored():
    with opened("vector", os.O_RDWR | os.O_CREAT) as fd:
        written = os.pwritev(fd, [b"a" * 5000, b"", b"b" * 70000, b"c"], 3)
        parts = [bytearray(10), bytearray(100000)]
        return written, os.preadv(fd, parts, 0), sum(parts[1]) % 65521


step("vectored", vectored)


def large():
    block = bytes(range(256)) * 4096
    with opened("large", os.O_RDWR | os.O_CREAT) as fd:
        for i in range(20):
            os.pwrite(fd, block, i * 3_000_001)
        os.lseek(fd, 0, os.SEEK_SET)
        return read_all(fd)


step("large", large)
step("  then", both, "large")
step("  natively", lambda: get("large") == peer_get("large"))
for size in (0, 1, BLOCK - 1, BLOCK, 100_000, 5):
    step(f"truncate to {size}", os.truncate, "large", size)
    step("  then", both, "large")
    step("  content", get, "large")
