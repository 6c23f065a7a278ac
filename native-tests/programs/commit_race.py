"""Commits an entry while others open files in it for writing: whoever still got one must make the commit fail.

    usage: commit_race.py MNT ROUNDS

Prints how many commits went through, how many were refused, and what has changed in a committed entry.
"""

import errno
import hashlib
import os
import random
import sys
import time

mnt, rounds = sys.argv[1], int(sys.argv[2])
WRITERS = 3


def write_until_refused():
    """Opens, waits and writes, over and over; what was opened before the commit is written after it."""
    while True:
        time.sleep(random.random() * 0.003)
        try:
            if random.random() < 0.3:
                fd = os.open(".", os.O_TMPFILE | os.O_WRONLY)
            else:
                fd = os.open(f"file{random.randrange(4)}", os.O_WRONLY | os.O_CREAT, 0o644)
            time.sleep(random.random() * 0.001)
            os.pwrite(fd, os.urandom(8), 0)
            os.close(fd)
            os.chmod("file0", random.choice((0o600, 0o644)))
        except OSError as error:
            if error.errno == errno.EROFS:
                os._exit(0)
            if error.errno != errno.ENOENT:
                os._exit(1)


def state(path):
    digest = hashlib.md5()
    for name in sorted(os.listdir(path)):
        status = os.stat(f"{path}/{name}")
        digest.update(f"{name} {status.st_mode} {status.st_mtime_ns} {status.st_ctime_ns}".encode())
        with open(f"{path}/{name}", "rb") as file:
            digest.update(file.read())
    return digest.hexdigest()


refused = changed = failed = 0
for number in range(rounds):
    name = f"race{number}"
    os.mkdir(f"{mnt}/active/{name}")
    with open(f"{mnt}/info/active/{name}/path") as file:
        native = file.read().rstrip("\n")
    directory = os.open(f"{mnt}/active/{name}", os.O_RDONLY)
    writers = []
    for _ in range(WRITERS):
        pid = os.fork()
        if pid == 0:
            os.fchdir(directory)
            write_until_refused()
        writers.append(pid)
    os.close(directory)
    time.sleep(0.01)
    while True:
        try:
            os.rename(f"{mnt}/active/{name}", f"{mnt}/committed/{name}")
            break
        except OSError as error:
            if error.errno != errno.EBUSY:
                raise
            refused += 1
    before = state(native)
    for pid in writers:
        failed += os.waitpid(pid, 0)[1] != 0
    changed += state(native) != before
print(f"{rounds} commits, {'some' if refused else 'none'} refused, {changed} changed afterwards, {failed} writers failed")
