"""Prepares, views, commits, renames, labels and removes at random on a mount that others work on too.

model_worker.py MNT INDEX SEED SECONDS

Names begin with wINDEX- and are never used twice, so this process knows what must become of them; parents are anybody's. A
file `lineage` in each snapshot names the commits that it descends from. At the end the expected snapshots are printed as JSON;
whatever is not as expected ends the program with a message.
"""
import errno
import json
import os
import random
import sys
import time

mnt, index, seed, seconds = sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), float(sys.argv[4])
rand = random.Random(seed * 1000 + index)
# path -> lines of its lineage
mine = {}
counts = {}
number = 0


def name():
    global number
    number += 1
    return f"w{index}-{number}"


def refused(call, *allowed):
    """Runs a call. Returns its errno, 0 for success; any but the allowed ones is a failure."""
    try:
        call()
        return 0
    except OSError as error:
        if error.errno not in allowed:
            raise
        return error.errno


def lineage(path):
    with open(f"{mnt}/{path}/lineage") as file:
        return file.read().split()


def pick(kind):
    own = [path for path in mine if path.startswith(kind)]
    return rand.choice(own) if own else None


def anybody():
    committed = os.listdir(f"{mnt}/committed")
    return rand.choice(committed) if committed else None


def prepare():
    new, parent = f"active/{name()}", anybody()
    if parent is None or rand.random() < 0.2:
        os.mkdir(f"{mnt}/{new}")
        mine[new] = []
    elif refused(lambda: os.mkdir(f"{mnt}/{new}@{parent}"), errno.ENOENT) == 0:
        mine[new] = lineage(new)
        assert mine[new], f"{new} has what {parent} had"


def view():
    new, parent = f"views/{name()}", anybody()
    if parent and refused(lambda: os.mkdir(f"{mnt}/{new}@{parent}"), errno.ENOENT) == 0:
        mine[new] = lineage(new)


def commit():
    path = pick("active/")
    if path is None:
        return
    new = f"committed/{name()}"
    mine[path] = mine[path] + [new.split("/")[1]]
    with open(f"{mnt}/{path}/lineage", "w") as file:
        file.write("\n".join(mine[path]))
    with open(f"{mnt}/{path}/data-{number}", "w") as file:
        file.write(new * rand.randrange(2000))
    os.rename(f"{mnt}/{path}", f"{mnt}/{new}")
    mine[new] = mine.pop(path)
    if rand.random() < 0.2:
        fd = os.open(f"{mnt}/{new}", os.O_RDONLY)
        os.fsync(fd)
        os.close(fd)
        with open(f"{mnt}/info/{new}/state") as file:
            state = file.read()
        assert state == "ready\n", f"{new} is {state} after fsync"


def rename():
    path = pick(rand.choice(["active/", "committed/", "views/"]))
    if path is not None:
        new = f"{path.split('/')[0]}/{name()}"
        os.rename(f"{mnt}/{path}", f"{mnt}/{new}")
        mine[new] = mine.pop(path)


def label():
    path = pick(rand.choice(["active/", "committed/", "views/"]))
    if path is not None:
        file, value = f"{mnt}/info/{path}/labels/mark", str(number)
        with open(file, "w") as out:
            out.write(value + "\n")
        with open(file) as back:
            assert back.read().strip() == value, f"the label of {path}"


def remove():
    path = pick(rand.choice(["active/", "committed/", "views/"]))
    if path is None:
        return
    where = f"info/{path}" if path.startswith("active/") else path
    if refused(lambda: os.rmdir(f"{mnt}/{where}"), errno.EBUSY) == 0:
        del mine[path]
    else:
        assert path.startswith("committed/"), f"{path} is busy"


def shared():
    """One name for all: whoever makes it has it, until it takes it away again."""
    if refused(lambda: os.mkdir(f"{mnt}/active/shared"), errno.EEXIST) == 0:
        assert os.listdir(f"{mnt}/active/shared") == []
        with open(f"{mnt}/active/shared/owner", "w") as file:
            file.write(str(index))
        with open(f"{mnt}/active/shared/owner") as file:
            assert file.read() == str(index), "somebody else's"
        os.rmdir(f"{mnt}/info/active/shared")


def look():
    path = pick(rand.choice(["active/", "committed/", "views/"]))
    if path is not None and mine[path]:
        assert lineage(path) == mine[path], f"{path} has another content"


operations = [prepare] * 5 + [commit] * 4 + [view, rename, rename, label, shared, look, look] + [remove] * 5
deadline = time.monotonic() + seconds
while time.monotonic() < deadline:
    operation = rand.choice(operations)
    # So that there is an end to what is there.
    if len(mine) > 25:
        operation = remove
    try:
        operation()
    except (OSError, AssertionError) as error:
        sys.exit(f"{operation.__name__}: {type(error).__name__}: {error}")
    counts[operation.__name__] = counts.get(operation.__name__, 0) + 1
print(json.dumps({"snapshots": mine, "counts": counts}))
