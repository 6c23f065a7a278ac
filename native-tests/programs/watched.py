"""What is looked at again and again, and so kept by the kernel for longer, is never seen as it was long before.

Each round makes everything old enough to be kept and looks at it until it is, changes a good part of it natively, and
looks a second later; then the same with changes through the base, which have to show at once.

    usage: watched.py BASE PEER SEED ROUNDS
"""

import os
import random
import time

from steps import *

seed, rounds = int(sys.argv[3]), int(sys.argv[4])
rng = random.Random(seed)
isNative = base == peer
DIRS = ["", "a/", "b/", "a/deep/", "a/deep/er/"]
NAMES = [f"n{i}" for i in range(12)]
CHANGES = 25


def pause(seconds):
    if not isNative:
        time.sleep(seconds)


def some():
    return rng.choice(DIRS) + rng.choice(NAMES)


def rewrite(root, path):
    with open(f"{root}/{path}", "a") as file:
        file.write("more")


def store(root, path):
    """Through a descriptor that can be mapped: through the mount the kernel asks for attributes after that each time."""
    fd = os.open(f"{root}/{path}", os.O_RDWR)
    os.pwrite(fd, b"STORED", 0)
    os.close(fd)


CHANGE = [
    lambda root: put(f"{root}/{some()}", b"x" * rng.randrange(50)),
    lambda root: rewrite(root, some()),
    lambda root: store(root, some()),
    lambda root: os.truncate(f"{root}/{some()}", rng.randrange(100)),
    lambda root: os.chmod(f"{root}/{some()}", rng.choice((0o600, 0o640, 0o755))),
    lambda root: os.chown(f"{root}/{some()}", rng.choice((0, ALICE)), 0),
    lambda root: os.utime(f"{root}/{some()}", ns=(1, rng.randrange(10**12))),
    lambda root: os.unlink(f"{root}/{some()}"),
    lambda root: os.rename(f"{root}/{some()}", f"{root}/{some()}"),
    lambda root: rename2(f"{root}/{some()}", f"{root}/{some()}", RENAME_EXCHANGE),
    lambda root: os.symlink(some(), f"{root}/{some()}"),
    lambda root: os.link(f"{root}/{some()}", f"{root}/{some()}"),
    lambda root: os.mkdir(f"{root}/{some()}"),
    lambda root: os.rmdir(f"{root}/{some()}"),
    lambda root: os.chmod(f"{root}/{rng.choice(DIRS[1:])}", rng.choice((0o700, 0o711, 0o755))),
    lambda root: rename2(f"{root}/a", f"{root}/b", RENAME_EXCHANGE) or rename2(f"{root}/a", f"{root}/b", RENAME_EXCHANGE),
]


def seen():
    """Every name that there may be, with what stat, a listing and a read say of it."""
    lines = []
    for where in DIRS:
        names = sorted(os.listdir(f"./{where}"))
        status = os.stat(f"./{where}")
        lines.append(f"{where} {oct(status.st_mode)} links {status.st_nlink} {names}")
        for name in NAMES:
            path = where + name
            text = outcome(look, path)
            # How large a directory is depends on its past.
            text = text.split(" size ")[0] if text.startswith("= d") else text
            kind = text[2:3]
            detail = get(path) if kind == "-" else os.readlink(path) if kind == "l" else ""
            mtime = os.lstat(path).st_mtime_ns if kind == "-" else 0
            lines.append(f"{path} {text} {detail} {mtime if mtime < 10**12 else 'late'}")
    return lines


def keep():
    pause(1.05)
    for _ in range(3):
        seen()
        pause(1.05)


def change(root):
    for i in range(CHANGES):
        state = rng.getrandbits(32)
        text = outcome(rng.choice(CHANGE), root)
        rng.seed(state)
        if root == ".":
            print(f"  {i} {text}")


start()
for where in DIRS:
    os.makedirs(f"./{where}", exist_ok=True)
    for name in NAMES[::2]:
        put(where + name, b"first")
for i in range(rounds):
    keep()
    change(peer)
    # For so long the kernel may keep what is not watched.
    pause(1.1)
    print(f"{i} changed natively", *seen(), sep="\n", flush=True)
    keep()
    change(".")
    print(f"{i} changed here", *seen(), sep="\n", flush=True)
