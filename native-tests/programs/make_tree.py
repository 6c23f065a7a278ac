"""Makes a tree with everything that a copy must keep: holes, links between directories, modes, ACLs, attributes, special files.

usage: make_tree.py DIRECTORY
"""
import os
import socket
import struct
import sys

top = sys.argv[1]
os.umask(0)
os.chdir(top)


def write(path, data, mode=0o644):
    with open(path, "wb") as file:
        file.write(data)
    os.chmod(path, mode)


def acl(*entries):
    return struct.pack("<I", 2) + b"".join(struct.pack("<HHI", *entry) for entry in entries)


ACL = acl((1, 6, 0xFFFFFFFF), (2, 7, 1234), (4, 4, 0xFFFFFFFF), (16, 7, 0xFFFFFFFF), (32, 1, 0xFFFFFFFF))
for d in range(12):
    os.makedirs(f"dir{d}/sub{d}/deep")
    for f in range(15):
        write(f"dir{d}/file{f}", os.urandom(500 * f), [0o644, 0o600, 0o755, 0o4755, 0o444][f % 5])
        write(f"dir{d}/sub{d}/deep/file{f}", b"x" * f)
for d in range(12):
    os.link("dir0/file3", f"dir{d}/sub{d}/linked")
    os.symlink(f"../file{d}", f"dir{d}/sub{d}/symlink")
os.link("dir1/sub1/symlink", "dir2/linked symlink")
with open("sparse", "wb") as file:
    file.seek(5 << 20)
    file.write(b"end")
write("big", os.urandom(24 << 20))
os.mkfifo("fifo", 0o640)
os.mknod("device", 0o020660, os.makedev(1, 3))
with socket.socket(socket.AF_UNIX) as server:
    server.bind("socket")
# What looks like something that is not copied, and is not.
write("marked", b"marked", 0o1601)
write("marked too", b"marked too", 0o1605)
os.mkdir("marked dir")
write("marked dir/file", b"file")
os.chmod("marked dir", 0o1701)
for name, mode in (("sticky", 0o1777), ("setgid", 0o2775), ("readonly", 0o555)):
    os.mkdir(name)
    write(f"{name}/file", name.encode())
    os.chmod(name, mode)
os.mkdir("acl")
write("acl/file", b"acl")
os.setxattr("acl/file", "system.posix_acl_access", ACL)
os.setxattr("acl", "system.posix_acl_default", ACL)
write("acl/heir", b"heir")
os.setxattr("dir3/file1", "user.key", b"value")
os.setxattr("dir3", "user.key", b"value of a directory")
os.chown("dir4/file2", 1000, 1001)
os.chown("dir4", 1001, 1000)
os.mkdir(os.fsencode("odd \n name ") + b"\xff")
os.makedirs("a" * 200 + "/" + "b" * 200)
for number, (directory, _, files) in enumerate(os.walk(".", topdown=False)):
    for name in files:
        os.utime(os.path.join(directory, name), ns=(10**18 + number, 10**18 + 7 * number), follow_symlinks=False)
    os.utime(directory, ns=(10**18 + 1, 10**18 + 13 * number))
