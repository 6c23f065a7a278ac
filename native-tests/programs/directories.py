"""Directories of 100,000 names: read whole and once, also while they change."""

import os
import threading

from steps import *

COUNT = 100_000
start()
os.mkdir("large")
top = os.open("large", os.O_RDONLY)
# Natively, as it is reading that is tried here, and this is several times faster.
beneath = os.open(os.path.join(peer, "large"), os.O_RDONLY)
for i in range(COUNT):
    os.close(os.open(f"name-{i:06}", os.O_WRONLY | os.O_CREAT, dir_fd=beneath))
os.close(beneath)
for i in range(0, COUNT, 1000):
    os.mkdir(f"dir-{i:06}", dir_fd=top)
    os.symlink("target", f"link-{i:06}", dir_fd=top)
EXPECTED = COUNT + 2 * (COUNT // 1000)


def census(path):
    names, kinds, inodes = [], {}, set()
    with os.scandir(path) as entries:
        for entry in entries:
            names.append(entry.name)
            kind = "link" if entry.is_symlink() else "dir" if entry.is_dir(follow_symlinks=False) else "file"
            kinds[kind] = kinds.get(kind, 0) + 1
            inodes.add(entry.inode())
    return f"{len(names)} names, {len(set(names))} different, {len(inodes)} inodes, {sorted(kinds.items())}"


step("all names", census, "large")
step("again", census, "large")
step("natively", census, os.path.join(peer, "large"))
step("d_ino is st_ino", lambda: all(e.inode() == os.lstat(e.path).st_ino for e, _ in zip(os.scandir("large"), range(2000))))


def rewound():
    """Reading on after seekdir, and again after rewinding."""
    with opened("large", os.O_RDONLY) as fd:
        first = len(os.listdir(fd))
        os.lseek(fd, 0, os.SEEK_SET)
        second = len(os.listdir(fd))
        return first, second


step("rewound", rewound)


def ls_unsorted():
    return os.popen("ls -fU large | sort | uniq -d | wc -l; ls -f large | wc -l").read().split()


step("ls -f", ls_unsorted)


def while_changing(change):
    """What exists all the time is listed exactly once, whatever else comes and goes."""
    stop = threading.Event()

    def work():
        i = 0
        while not stop.is_set():
            change(i)
            i += 1

    worker = threading.Thread(target=work)
    worker.start()
    problems = []
    try:
        for _ in range(5):
            names = [e.name for e in os.scandir("large")]
            stable = [n for n in names if n.startswith("name-")]
            if len(stable) != COUNT or len(set(stable)) != COUNT:
                problems.append(f"{len(stable)} listed, {len(set(stable))} different")
    finally:
        stop.set()
        worker.join()
    for name in os.listdir("large"):
        if name.startswith("passing-"):
            os.unlink(name, dir_fd=top)
    return problems or "each stable name once, each time"


def create_and_delete(i):
    os.close(os.open(f"passing-{i}", os.O_WRONLY | os.O_CREAT, dir_fd=top))
    if i >= 50:
        os.unlink(f"passing-{i - 50}", dir_fd=top)


def rename_around(i):
    if i == 0:
        os.close(os.open("passing-0", os.O_WRONLY | os.O_CREAT, dir_fd=top))
    else:
        os.rename(f"passing-{i - 1}", f"passing-{i}", src_dir_fd=top, dst_dir_fd=top)


step("while names are created and deleted", while_changing, create_and_delete)
step("while a name is renamed", while_changing, rename_around)


def delete_while_reading():
    """rm -r's way: unlink each name as it is read."""
    count = 0
    with os.scandir("large") as entries:
        for entry in entries:
            if entry.is_dir(follow_symlinks=False):
                os.rmdir(entry.name, dir_fd=top)
            else:
                os.unlink(entry.name, dir_fd=top)
            count += 1
    return count == EXPECTED, len(os.listdir("large"))


step("delete while reading", delete_while_reading)
os.close(top)
step("rmdir", os.rmdir, "large")
