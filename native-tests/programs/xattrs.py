"""Extended attributes of every namespace, POSIX ACLs, file capabilities."""

import os
import struct

from steps import *

start()
os.chmod(".", 0o777)
put("file", b"x", 0o644)
os.mkdir("dir")
os.symlink("file", "link")
os.mkfifo("fifo")
os.mknod("char", 0o020666, os.makedev(1, 3))
TARGETS = ("file", "dir", "link", "fifo", "char", "absent")
CREATE, REPLACE = os.XATTR_CREATE, os.XATTR_REPLACE


def put_attr(path, name, value, flags=0):
    os.setxattr(path, name, value, flags, follow_symlinks=False)


def get_attr(path, name):
    return os.getxattr(path, name, follow_symlinks=False)


def list_attrs(path):
    return sorted(os.listxattr(path, follow_symlinks=False))


NAMES = ("user.a", "trusted.a", "security.a", "system.a", "nonsense.a", "user.", "plain", "user." + "n" * 250,
         "user." + "n" * 251, "trusted.overlay.opaque", "user.\udcff\udcfe")
for target in TARGETS:
    for name in NAMES:
        shown_name = name[:20] + str(len(name))
        step(f"get absent {target} {shown_name}", get_attr, target, name)
        step(f"replace absent {target} {shown_name}", put_attr, target, name, b"0", REPLACE)
        step(f"create {target} {shown_name}", put_attr, target, name, b"1", CREATE)
        step(f"create again {target} {shown_name}", put_attr, target, name, b"2", CREATE)
        step(f"replace {target} {shown_name}", put_attr, target, name, b"\0three\xff", REPLACE)
        step(f"get {target} {shown_name}", get_attr, target, name)
    step(f"list {target}", list_attrs, target)
    for name in NAMES:
        step(f"remove {target} {name[:20]}", lambda: os.removexattr(target, name, follow_symlinks=False))
    step(f"list after {target}", list_attrs, target)
for size in (0, 1, 100, 3000, 4000, 5000, 65536, 65537):
    step(f"value of {size}", put_attr, "file", "user.sized", b"v" * size)
    step("  length", lambda: len(get_attr("file", "user.sized")))
step("buffer too small", syscall, "getxattr", b"file", b"user.sized", b"\0" * 5, 5)
step("list buffer too small", syscall, "listxattr", b"file", b"\0" * 3, 3)
step("value's size", syscall, "getxattr", b"file", b"user.sized", None, 0)
os.removexattr("file", "user.sized")
for uid in (ALICE,):
    for name in NAMES[:4]:
        step_as(uid, f"set {name} on another's file", put_attr, "file", name, b"1")
        step_as(uid, f"get {name}", get_attr, "file", name)
    step_as(uid, "list", list_attrs, "file")
with opened("file", os.O_RDWR) as fd:
    step("fsetxattr", os.setxattr, fd, "user.fd", b"by descriptor")
    step("fgetxattr", os.getxattr, fd, "user.fd")
    step("flistxattr", lambda: sorted(os.listxattr(fd)))
    step("fremovexattr", os.removexattr, fd, "user.fd")
step("ctime moves", lambda: (os.setxattr("file", "user.c", b"1"), os.stat("file").st_ctime_ns == os.stat(f"{peer}/file").st_ctime_ns)[1])

# File capabilities: cap_net_raw=ep, revision 2.
CAPABILITY = struct.pack("<IIIII", 0x02000001, 1 << 13, 0, 0, 0)
put("program", b"program", 0o755)
os.chown("program", ALICE, ALICE)
os.chmod("program", 0o777)


def with_capability(action):
    os.chmod("program", 0o777)
    os.setxattr("program", "security.capability", CAPABILITY)
    text = action()
    try:
        return f"{text}, then {os.getxattr('program', 'security.capability').hex()}"
    except OSError as error:
        return f"{text}, then {errno.errorcode[error.errno]}"


step("capability", with_capability, lambda: None)
for who, uid in {"root": 0, "owner": ALICE, "other": BOB}.items():
    for what, action in {
        "write": lambda: open_and("program", os.O_WRONLY, lambda fd: os.write(fd, b"w") and None),
        "truncate": lambda: os.truncate("program", 3),
        "O_TRUNC": lambda: open_and("program", os.O_WRONLY | os.O_TRUNC),
        "open": lambda: open_and("program", os.O_RDWR),
        "chmod": lambda: os.chmod("program", 0o777),
        "chown": lambda: os.chown("program", ALICE, ALICE),
        "set it": lambda: os.setxattr("program", "security.capability", CAPABILITY),
        "remove it": lambda: os.removexattr("program", "security.capability"),
    }.items():
        step(f"capability after {what} by {who}", with_capability, lambda: run_as(uid, action))


def acl(*entries):
    """The xattr of a POSIX ACL (version 2): tag, permissions, id."""
    undefined = 0xFFFFFFFF
    return struct.pack("<I", 2) + b"".join(
        struct.pack("<HHI", tag, bits, undefined if who is None else who) for tag, bits, who in entries
    )


USER_OBJ, USER, GROUP_OBJ, GROUP, MASK, OTHER = 1, 2, 4, 8, 16, 32
ACCESS, DEFAULT = "system.posix_acl_access", "system.posix_acl_default"


def guarded(mask, alice=6, team=4, other=0):
    """A file of root with an ACL; its mode and ACL afterwards."""
    if os.path.lexists("guarded"):
        os.unlink("guarded")
    put("guarded", b"guarded", 0o600)
    value = acl((USER_OBJ, 6, None), (USER, alice, ALICE), (GROUP_OBJ, 0, None), (GROUP, team, TEAM), (MASK, mask, None), (OTHER, other, None))
    os.setxattr("guarded", ACCESS, value)
    return f"{look('guarded')} {os.getxattr('guarded', ACCESS).hex()}"


def reach(path="guarded"):
    return [os.access(path, m) for m in (os.R_OK, os.W_OK)] + [outcome(open_and, path, f) for f in (os.O_RDONLY, os.O_RDWR)]


for mask in (7, 6, 4, 2, 0):
    step(f"acl with mask {mask}", guarded, mask)
    step_as(ALICE, "  named user", reach)
    step_as(BOB, "  named group", reach, groups=(TEAM,))
    step_as(BOB, "  other", reach)
    step("  natively", lambda: os.getxattr(f"{peer}/guarded", ACCESS).hex())
step("chmod changes the mask", lambda: (guarded(6), os.chmod("guarded", 0o640), os.getxattr("guarded", ACCESS).hex(), look("guarded"))[2:])
step_as(ALICE, "  named user after chmod", reach)
step("chmod 000", lambda: (os.chmod("guarded", 0), os.getxattr("guarded", ACCESS).hex())[1])
step_as(ALICE, "  named user after chmod 0", reach)
step_as(ALICE, "acl set by another", os.setxattr, "guarded", ACCESS, acl((USER_OBJ, 7, None), (GROUP_OBJ, 7, None), (OTHER, 7, None)))
step("minimal acl becomes the mode", lambda: (os.setxattr("guarded", ACCESS, acl((USER_OBJ, 7, None), (GROUP_OBJ, 5, None), (OTHER, 1, None))), look("guarded"))[1])
step("  and no xattr", os.getxattr, "guarded", ACCESS)
step("  list", list_attrs, "guarded")
step("remove acl", lambda: (guarded(6), os.removexattr("guarded", ACCESS), look("guarded"))[2])
for what, value in {"empty": b"", "garbage": b"garbage", "version 3": struct.pack("<I", 3), "no mask": acl((USER_OBJ, 6, None), (USER, 6, 5), (GROUP_OBJ, 6, None), (OTHER, 6, None))}.items():
    step(f"bad acl: {what}", os.setxattr, "guarded", ACCESS, value)
step("default acl on a file", os.setxattr, "guarded", DEFAULT, acl((USER_OBJ, 7, None), (GROUP_OBJ, 5, None), (OTHER, 1, None)))


def sgid_and_acl(uid, groups):
    """Setting an ACL as an owner outside the group clears sgid."""
    put("sgid", b"x")
    os.chown("sgid", ALICE, TEAM)
    os.chmod("sgid", 0o2755)
    done = run_as(uid, os.setxattr, "sgid", ACCESS, acl((USER_OBJ, 7, None), (GROUP_OBJ, 5, None), (OTHER, 5, None)), groups=groups)
    return f"{done} {look('sgid')}"


step("acl and sgid, owner outside the group", sgid_and_acl, ALICE, ())
step("acl and sgid, owner in the group", sgid_and_acl, ALICE, (TEAM,))
step("acl and sgid, root", sgid_and_acl, 0, ())
os.system("setfacl -m u:1000:rwx,d:u:1000:rwX,d:g:2000:rx dir && mkdir dir/sub && touch dir/sub/file")
step("getfacl", lambda: os.popen("getfacl -cRn dir").read())
step("getfacl natively", lambda: os.popen(f"cd {peer} && getfacl -cRn dir").read())
step("cp -a keeps all", lambda: os.popen("cp -a dir copy && getfacl -cRn copy").read())
