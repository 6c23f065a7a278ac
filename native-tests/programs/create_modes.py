"""Who owns what is made, and with which mode: umask, setgid directories, groups, default ACLs."""

import os
import socket
import struct

from steps import *

start()
os.chmod(".", 0o777)


def make_all(prefix):
    """One of each type, asked for with all permissions and every special bit."""
    open_and(f"{prefix}file", os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode=0o6777)
    os.mkdir(f"{prefix}dir", 0o7777)
    os.mknod(f"{prefix}node", 0o100666 | 0o6000)
    os.mkfifo(f"{prefix}fifo", 0o666)
    os.symlink("target", f"{prefix}link")
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(f"{prefix}socket")


def show(prefix):
    for kind in ("file", "dir", "node", "fifo", "link", "socket"):
        step(f"  {prefix}{kind}", both, f"{prefix}{kind}")


def acl(*entries):
    """The xattr of a POSIX ACL (version 2): tag, permissions, id."""
    undefined = 0xFFFFFFFF
    return struct.pack("<I", 2) + b"".join(
        struct.pack("<HHI", tag, bits, undefined if who is None else who) for tag, bits, who in entries
    )


USER_OBJ, USER, GROUP_OBJ, GROUP, MASK, OTHER = 1, 2, 4, 8, 16, 32
DEFAULT = acl(
    (USER_OBJ, 7, None), (USER, 6, ALICE), (GROUP_OBJ, 5, None), (GROUP, 7, TEAM), (MASK, 6, None), (OTHER, 1, None)
)

for umask in (0, 0o022, 0o027, 0o077, 0o777):
    for uid in (0, ALICE, BOB):
        prefix = f"u{umask:o}-{uid}-"
        step_as(uid, f"umask {umask:o}", make_all, prefix, umask=umask)
        show(prefix)

os.mkdir("setgid")
os.chown("setgid", 0, TEAM)
os.chmod("setgid", 0o2777)
os.mkdir("plain")
os.chmod("plain", 0o777)
os.mkdir("acl")
os.chmod("acl", 0o777)
os.setxattr("acl", "system.posix_acl_default", DEFAULT)
os.mkdir("both")
os.chown("both", 0, TEAM)
os.chmod("both", 0o2777)
os.setxattr("both", "system.posix_acl_default", DEFAULT)

for where in ("setgid", "plain", "acl", "both"):
    for name, options in {
        "root": {"uid": 0},
        "member": {"uid": ALICE, "groups": (TEAM,)},
        "stranger": {"uid": BOB},
        "umask77": {"uid": ALICE, "umask": 0o077},
    }.items():
        prefix = f"{where}/{name}-"
        uid = options["uid"]
        rest = {key: value for key, value in options.items() if key != "uid"}
        step_as(uid, prefix, make_all, prefix, **rest)
        show(prefix)


def acl_of(path, kind):
    return os.getxattr(path, f"system.posix_acl_{kind}").hex()


for name in ("file", "dir", "node"):
    step(f"inherited access acl of {name}", acl_of, f"acl/member-{name}", "access")
step("inherited default acl", acl_of, "acl/member-dir", "default")
step("default acl of a file", acl_of, "acl/member-file", "default")

# Below a directory that was made in a setgid or ACL directory it goes on.
step_as(ALICE, "below setgid", make_all, "setgid/member-dir/deeper-", groups=(TEAM,))
show("setgid/member-dir/deeper-")


def temporary(where):
    with opened(where, os.O_TMPFILE | os.O_RDWR, 0o6777) as fd:
        return describe(os.fstat(fd))


for where in ("setgid", "plain", "acl"):
    step_as(ALICE, f"O_TMPFILE in {where}", temporary, where, umask=0o037, groups=(TEAM,))

os.mkdir("groupdir")
os.chown("groupdir", 0, TEAM)
os.chmod("groupdir", 0o770)
step_as(ALICE, "create by a supplementary group", make_all, "groupdir/in-", groups=(TEAM,))
show("groupdir/in-")
step_as(BOB, "create without that group", make_all, "groupdir/out-")
step_as(ALICE, "create with many groups", make_all, "groupdir/many-", groups=tuple(range(3000, 3060)) + (TEAM,))
