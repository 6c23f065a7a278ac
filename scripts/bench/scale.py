"""Times operations in a store of many snapshots: scale.py MNT PREFIX COUNT. Prints milliseconds by operation, as JSON."""
import json
import os
import sys
import time

mnt, prefix, count = sys.argv[1], sys.argv[2], int(sys.argv[3])
times = {}


def timed(name, call):
    start = time.perf_counter()
    value = call()
    times.setdefault(name, []).append((time.perf_counter() - start) * 1000)
    return value


def first(path):
    with os.scandir(path) as entries:
        return next(entries).name


for i in range(3):
    timed("ls: first name", lambda: first(f"{mnt}/committed"))
    timed("ls: all names", lambda: len(os.listdir(f"{mnt}/committed")))
for i in range(100):
    name = f"{prefix}{(i * 7919) % count // 10 * 10:07d}"
    timed("stat", lambda: os.stat(f"{mnt}/committed/{name}"))
    timed("read a file", lambda: open(f"{mnt}/committed/{name}/file").read())
    timed("mkdir active/NAME@PARENT", lambda: os.mkdir(f"{mnt}/active/a{i}@{name}"))
    timed("mv to committed/", lambda: os.rename(f"{mnt}/active/a{i}", f"{mnt}/committed/made{i}"))
    timed("mv within committed/", lambda: os.rename(f"{mnt}/committed/made{i}", f"{mnt}/committed/named{i}"))
    timed("read info/…/parent", lambda: os.readlink(f"{mnt}/info/committed/named{i}/parent"))
    timed("rmdir committed/NAME", lambda: os.rmdir(f"{mnt}/committed/named{i}"))
print(json.dumps(times))
