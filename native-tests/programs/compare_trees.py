"""Compares two trees byte by byte and attribute by attribute; prints each difference on a line, and exits 1 if there is one.

usage: compare_trees.py A B [--no-times]
"""
import hashlib
import os
import stat
import sys


def attributes(path, times):
    st = os.lstat(path)
    kind = stat.S_IFMT(st.st_mode)
    found = {"mode": oct(st.st_mode), "uid": st.st_uid, "gid": st.st_gid}
    if times:
        found["mtime"] = st.st_mtime_ns
    if kind != stat.S_IFDIR:
        found["nlink"] = st.st_nlink
    if kind in (stat.S_IFREG, stat.S_IFLNK):
        found["size"] = st.st_size
    if kind in (stat.S_IFBLK, stat.S_IFCHR):
        found["rdev"] = st.st_rdev
    if kind == stat.S_IFLNK:
        found["target"] = os.readlink(path)
    if kind == stat.S_IFREG:
        digest = hashlib.sha256()
        with open(path, "rb") as file:
            while piece := file.read(1 << 20):
                digest.update(piece)
        found["content"] = digest.hexdigest()
        found["sparse"] = st.st_blocks * 512 < st.st_size // 2
    for name in os.listxattr(path, follow_symlinks=False):
        found["xattr " + name] = os.getxattr(path, name, follow_symlinks=False)
    return found, (st.st_dev, st.st_ino) if kind != stat.S_IFDIR and st.st_nlink > 1 else None


def fail(error):
    raise error


def walk(root):
    yield b""
    # Unless told otherwise, os.walk passes over what it cannot list.
    for directory, subdirectories, files in os.walk(root, onerror=fail):
        for name in subdirectories + files:
            yield os.path.relpath(os.path.join(directory, name), root)


def main():
    a, b = (os.fsencode(path) for path in sys.argv[1:3])
    times = "--no-times" not in sys.argv
    differences = 0

    def tell(*what):
        nonlocal differences
        differences += 1
        print(*what)

    names_a, names_b = set(walk(a)), set(walk(b))
    for name in sorted(names_a ^ names_b):
        tell("only in", "A" if name in names_a else "B", name)
    links_a, links_b = {}, {}
    for name in sorted(names_a & names_b):
        of_a, inode_a = attributes(os.path.join(a, name), times)
        of_b, inode_b = attributes(os.path.join(b, name), times)
        for key in sorted(of_a.keys() | of_b.keys()):
            if of_a.get(key) != of_b.get(key):
                tell(name, key, of_a.get(key), of_b.get(key))
        if inode_a != inode_b or inode_a is not None:
            first_a, first_b = links_a.setdefault(inode_a, name), links_b.setdefault(inode_b, name)
            if first_a != first_b:
                tell(name, "is linked to", first_a, first_b)
    print(len(names_a), "entries in A", file=sys.stderr)
    sys.exit(1 if differences else 0)


main()
