"""What other users may and may not do; access(2); sticky directories."""

import os

from steps import *

start()
os.chmod(".", 0o755)
for mode in (0o000, 0o400, 0o200, 0o100, 0o600, 0o640, 0o644, 0o666, 0o755, 0o777, 0o070, 0o007):
    put(f"file{mode:03o}", b"x", mode)
    os.chown(f"file{mode:03o}", ALICE, TEAM)
    os.mkdir(f"dir{mode:03o}")
    put(f"dir{mode:03o}/inside")
    os.chown(f"dir{mode:03o}", ALICE, TEAM)
    os.chmod(f"dir{mode:03o}", mode)

WHO = {
    "owner": (ALICE, {}),
    "member": (BOB, {"groups": (TEAM,)}),
    "primary": (BOB, {"gid": TEAM}),
    "other": (BOB, {}),
}

FILE_ACTIONS = {
    "read": lambda p: open_and(p, os.O_RDONLY),
    "write": lambda p: open_and(p, os.O_WRONLY),
    "both": lambda p: open_and(p, os.O_RDWR),
    "truncate": lambda p: os.truncate(p, 1),
    "chmod": lambda p: os.chmod(p, os.stat(p).st_mode & 0o7777),
    "chown self": lambda p: os.chown(p, os.getuid(), -1),
    "chgrp team": lambda p: os.chown(p, -1, TEAM),
    "utime now": lambda p: os.utime(p),
    "utime set": lambda p: os.utime(p, ns=(1, 1)),
    "setxattr": lambda p: os.setxattr(p, "user.x", b"1"),
    "getxattr": lambda p: os.getxattr(p, "user.x"),
    "removexattr": lambda p: os.removexattr(p, "user.x"),
    "trusted": lambda p: os.setxattr(p, "trusted.x", b"1"),
    "security": lambda p: os.setxattr(p, "security.x", b"1"),
    "access": lambda p: [os.access(p, m) for m in (os.F_OK, os.R_OK, os.W_OK, os.X_OK)],
    "O_NOATIME": lambda p: open_and(p, os.O_RDONLY | os.O_NOATIME),
}
DIR_ACTIONS = {
    "list": lambda p: sorted(os.listdir(p)),
    "lookup": lambda p: os.stat(f"{p}/inside").st_size,
    "create": lambda p: (open_and(f"{p}/new", os.O_WRONLY | os.O_CREAT), os.unlink(f"{p}/new"))[1],
    "mkdir": lambda p: (os.mkdir(f"{p}/newdir"), os.rmdir(f"{p}/newdir"))[1],
    "rename": lambda p: (os.rename(f"{p}/inside", f"{p}/moved"), os.rename(f"{p}/moved", f"{p}/inside"))[1],
    "link": lambda p: (os.link(f"{p}/inside", f"{p}/hard"), os.unlink(f"{p}/hard"))[1],
    "unlink absent": lambda p: os.unlink(f"{p}/absent"),
    "access": lambda p: [os.access(p, m) for m in (os.R_OK, os.W_OK, os.X_OK)],
    "chmod": lambda p: os.chmod(p, os.stat(p).st_mode & 0o7777),
}
for name in sorted(os.listdir(".")):
    actions = DIR_ACTIONS if name.startswith("dir") else FILE_ACTIONS
    for who, (uid, options) in WHO.items():
        for what, action in actions.items():
            step_as(uid, f"{who} {what} {name}", action, name, **options)

# Sticky: only owners of the file or the directory may delete and rename.
os.mkdir("sticky")
os.chmod("sticky", 0o1777)
os.chown("sticky", 0, 0)
for owner in (0, ALICE, BOB):
    put(f"sticky/of{owner}")
    os.chown(f"sticky/of{owner}", owner, owner)
    os.mkdir(f"sticky/dir{owner}")
    os.chown(f"sticky/dir{owner}", owner, owner)
for uid in (ALICE, BOB):
    for owner in (0, ALICE, BOB):
        step_as(uid, f"rename of {owner}'s", os.rename, f"sticky/of{owner}", "sticky/moved")
        step_as(uid, f"rename back of {owner}'s", os.rename, "sticky/moved", f"sticky/of{owner}")
        step_as(uid, f"link {owner}'s", os.link, f"sticky/of{owner}", f"sticky/link{uid}{owner}")
        step_as(uid, f"open {owner}'s with O_CREAT", open_and, f"sticky/of{owner}", os.O_WRONLY | os.O_CREAT)
        step_as(uid, f"rmdir {owner}'s", os.rmdir, f"sticky/dir{owner}")
        step_as(uid, f"unlink {owner}'s", os.unlink, f"sticky/of{owner}")
step("left", lambda: sorted(os.listdir("sticky")))

# What only root may do.
put("roots")
for what, action in {
    "mknod char": lambda: os.mknod("char", 0o020666, os.makedev(1, 3)),
    "chown": lambda: os.chown("roots", ALICE, ALICE),
    "chmod": lambda: os.chmod("roots", 0o777),
    "unlink": lambda: os.unlink("roots"),
    "write": lambda: open_and("roots", os.O_WRONLY),
    "dir of root": lambda: os.mkdir("mine"),
}.items():
    step_as(ALICE, what, action)

# A path through a directory that may not be searched.
os.mkdir("closed")
os.mkdir("closed/below")
put("closed/below/file", b"x", 0o666)
os.chmod("closed", 0o700)
for what, action in {
    "stat": lambda: os.stat("closed/below/file"),
    "open": lambda: open_and("closed/below/file", os.O_RDONLY),
    "list": lambda: os.listdir("closed/below"),
}.items():
    step_as(ALICE, f"{what} below a closed directory", action)


def kept_open():
    """A descriptor works on after its path was closed."""
    put("open-then-closed", b"still", 0o644)
    with opened("open-then-closed", os.O_RDONLY) as fd:
        os.chmod("open-then-closed", 0)
        return os.read(fd, 10)


step("descriptor outlives permission", kept_open)
