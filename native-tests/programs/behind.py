"""What is changed natively behind the mount is what the next operation through it meets, whatever the kernel has kept.

Each step looks at something through the base, changes it through the peer, and acts through the base at once. Only what
is a matter of keeping for a second (whether a name is there, attributes) is looked at after that second.
"""

import os
import time

from steps import *

start()
os.chmod(".", 0o777)
# For so long the kernel keeps names and attributes; natively nothing is waited for.
KEPT = 0 if base == peer else 1.2


def replace(path, content, mode=0o644, owner=0):
    """Another file gets the name, natively."""
    other = os.path.join(peer, "replacement")
    put(other, content, mode)
    os.chown(other, owner, owner)
    os.rename(other, os.path.join(peer, path))


def fresh(path="x", mode=0o666, owner=ALICE):
    if os.path.lexists(path):
        os.unlink(path)
    put(path, b"before", mode)
    os.chown(path, owner, owner)
    os.lstat(path)
    get(path)


ACTIONS = {
    "read": lambda: get("x"),
    "append": lambda: open_and("x", os.O_WRONLY | os.O_APPEND, lambda fd: os.write(fd, b"+")),
    "O_TRUNC": lambda: open_and("x", os.O_WRONLY | os.O_TRUNC),
    "O_CREAT": lambda: open_and("x", os.O_RDWR | os.O_CREAT, lambda fd: os.read(fd, 9)),
    "O_EXCL": lambda: open_and("x", os.O_RDWR | os.O_CREAT | os.O_EXCL),
    "truncate": lambda: os.truncate("x", 2),
    "chmod": lambda: os.chmod("x", 0o640),
    "chown": lambda: os.chown("x", -1, os.getgid()),
    "utime": lambda: os.utime("x", ns=(1, 2)),
    "setxattr": lambda: os.setxattr("x", "user.x", b"1"),
    "link": lambda: os.link("x", "y") or os.unlink("y"),
    "rename": lambda: os.rename("x", "y") or os.rename("y", "x"),
    "unlink": lambda: os.unlink("x"),
}
for what, action in ACTIONS.items():
    for uid in (0, ALICE, BOB):
        fresh()
        replace("x", b"after", 0o600, 0)
        step_as(uid, f"{what} of a file that was replaced by root's", action)
        step("  content", peer_get, "x")
        step("  then", look, f"{peer}/x")
        fresh()
        replace("x", b"after", 0o666, ALICE)
        step_as(uid, f"{what} of a file that was replaced by the user's", action)
        step("  content", peer_get, "x")

# As when a log is rotated: somebody still writes to the file that had the name.
for uid in (0, ALICE, BOB):
    fresh()
    with opened("x", os.O_WRONLY | os.O_APPEND) as fd:
        replace("x", b"after", 0o666, ALICE)
        step_as(uid, "link of a file that was replaced while it is open", lambda: os.link("x", "z"))
        os.write(fd, b"+")
    step("  content", peer_get, "z")
    if os.path.lexists("z"):
        os.unlink("z")

# What was once open for reading and writing is not asked for ever after.
for _ in range(200):
    fresh()
    open_and("x", os.O_RDWR, lambda fd: os.read(fd, 9))
fresh()
replace("x", b"after", 0o666, ALICE)
step_as(BOB, "link of a replaced file after many were open", lambda: os.link("x", "z") or os.unlink("z"))

# Sticky: a name that leads to another's file by now.
os.mkdir("sticky")
os.chmod("sticky", 0o1777)
for what, action in {
    "unlink": lambda: os.unlink("sticky/x"),
    "rename": lambda: os.rename("sticky/x", "sticky/y"),
    "rename over": lambda: put("sticky/z") or os.rename("sticky/z", "sticky/x"),
}.items():
    fresh("sticky/x")
    replace("sticky/x", b"root's")
    step_as(ALICE, f"{what} in a sticky directory", action)
    step("  left", lambda: sorted(os.listdir(f"{peer}/sticky")))
    for left in os.listdir("sticky"):
        os.unlink(f"sticky/{left}")


def other_type(make):
    fresh()
    os.unlink(f"{peer}/x")
    make(f"{peer}/x")
    results = [outcome(get, "x")]
    time.sleep(KEPT)
    results += [outcome(os.listdir, "x"), outcome(os.readlink, "x"), outcome(look, "x")]
    os.rmdir("x") if os.path.isdir("x") else os.unlink("x")
    return " | ".join(results)


for what, make in {
    "a directory": os.mkdir,
    "a link": lambda path: os.symlink("target", path),
    "another file": lambda path: put(path, b"other"),
}.items():
    step(f"a file replaced by {what}", other_type, make)


def many_links():
    """The file system gives the same inode number again."""
    wrong = []
    for i in range(6):
        path = f"{peer}/link"
        if os.path.lexists(path):
            os.unlink(path)
        os.symlink(f"target{i:02}", path)
        time.sleep(0.05 if i < 4 else KEPT)
        if os.readlink("link") != f"target{i:02}" and i >= 4:
            wrong.append(i)
    return wrong


step("a link replaced over and over", many_links)


def directories():
    os.makedirs("d/sub")
    put("d/file", b"old")
    os.listdir("d")
    top = os.open("d/sub", os.O_RDONLY)
    os.rename(f"{peer}/d", f"{peer}/aside")
    os.mkdir(f"{peer}/d")
    put(f"{peer}/d/new", b"new")
    time.sleep(KEPT)
    results = [outcome(get, "d/new"), outcome(put, "d/more"), outcome(lambda: sorted(os.listdir("d")))]
    results.append(outcome(lambda: os.close(os.open("in-moved", os.O_CREAT | os.O_WRONLY, dir_fd=top))))
    os.close(top)
    results.append(outcome(lambda: [sorted(os.listdir(p)) for p in ("d", "aside", "aside/sub")]))
    results.append(outcome(lambda: [sorted(os.listdir(f"{peer}/{p}")) for p in ("d", "aside", "aside/sub")]))
    return " | ".join(results)


step("a directory moved and replaced", directories)


def names():
    """Names that come and go."""
    results = [outcome(look, "later")]
    put(f"{peer}/later", b"later")
    time.sleep(KEPT)
    results.append(outcome(get, "later"))
    os.unlink(f"{peer}/later")
    results.append(outcome(get, "later"))
    time.sleep(KEPT)
    results.append(outcome(look, "later"))
    results.append(outcome(lambda: "later" in os.listdir(".")))
    return " | ".join(results)


step("a name that comes and goes", names)


def open_while_replaced():
    """An open file stays the file that was opened."""
    fresh()
    with opened("x", os.O_RDWR) as fd:
        replace("x", b"after")
        os.pwrite(fd, b"B", 0)
        os.fchmod(fd, 0o600)
        os.ftruncate(fd, 3)
        status = os.fstat(fd)
        again = get(f"/proc/self/fd/{fd}")
        return f"{os.pread(fd, 9, 0)} {status.st_size} {status.st_nlink} {again} {get('x')}"


step("an open file that is replaced", open_while_replaced)


def written_natively():
    fresh()
    with opened("x", os.O_RDONLY) as fd:
        os.pread(fd, 9, 0)
        put(f"{peer}/x", b"written natively")
        time.sleep(KEPT)
        return f"{get('x')} {os.pread(fd, 99, 0)} {os.fstat(fd).st_size}"


step("a file that is written natively", written_natively)
