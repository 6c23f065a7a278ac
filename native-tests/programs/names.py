"""Names: rename with its flags, links, special files, lengths, bytes, deep trees."""

import itertools
import os

from steps import *

start()
KINDS = ("file", "dir", "full", "link", "fifo", "absent")


def make(kind, name):
    if kind == "file":
        put(name, kind.encode())
    elif kind in ("dir", "full"):
        os.mkdir(name)
        if kind == "full":
            put(f"{name}/inside")
    elif kind == "link":
        os.symlink("target", name)
    elif kind == "fifo":
        os.mkfifo(name)


def listing(top="."):
    return sorted(
        os.path.join(where, name) for where, dirs, files in os.walk(top) for name in dirs + files
    )


def clear(top):
    for where, dirs, files in os.walk(top, topdown=False):
        for name in files:
            os.unlink(os.path.join(where, name))
        for name in dirs:
            path = os.path.join(where, name)
            os.unlink(path) if os.path.islink(path) else os.rmdir(path)


os.mkdir("r")
os.mkdir("s")
flags = {"plain": 0, "NOREPLACE": 1, "EXCHANGE": 2, "WHITEOUT": 4, "NOREPLACE|WHITEOUT": 5, "EXCHANGE|NOREPLACE": 3, "8": 8}
for (flag_name, flag), source, target, where in itertools.product(flags.items(), KINDS, KINDS, ("r", "s")):
    make(source, "r/a")
    make(target, f"{where}/b")
    step(f"rename {flag_name} {source} to {target} in {where}", rename2, "r/a", f"{where}/b", flag)
    for path in ("r/a", f"{where}/b"):
        if os.path.lexists(path):
            step(f"  {path}", look, path)
    clear("r")
    clear("s")

put("r/a")
os.link("r/a", "r/b")
step("rename onto a link of itself", os.rename, "r/a", "r/b")
step("  leaves both", listing, "r")
step("rename to itself", os.rename, "r/a", "r/a")
os.makedirs("r/d/e/f")
step("rename below itself", os.rename, "r/d", "r/d/e/f/g")
step("exchange with what is below", rename2, "r/d", "r/d/e", RENAME_EXCHANGE)
step("rename onto an ancestor", os.rename, "r/d/e/f", "r/d")
step("rename of .", os.rename, "r/.", "r/x")
step("rename of ..", os.rename, "r/d/..", "r/x")
step("rename with a slash", os.rename, "r/a/", "r/x")
step("directory with a slash", os.rename, "r/d/", "r/x/")
step("  then", listing, "r")
clear("r")

# Links.
put("r/file")
os.symlink("file", "r/link")
os.mkdir("r/dir")
step("link", os.link, "r/file", "s/file")
step("  both", both, "s/file")
step("  both", both, "r/file")
step("  one inode", same, "r/file", "s/file")
step("link to an existing name", os.link, "r/file", "s/file")
step("link a directory", os.link, "r/dir", "s/dir")
step("link a symlink", lambda: os.link("r/link", "s/link", follow_symlinks=False))
step("  both", both, "s/link")
step("link through a symlink", lambda: syscall("linkat", AT_FDCWD, b"r/link", AT_FDCWD, b"s/through", 0x400))
step("  both", both, "r/file")
step("unlink one", os.unlink, "r/file")
step("  nlink on the other", both, "s/file")


def link_many(count):
    for i in range(count):
        os.link("s/file", f"s/hard{i}")
    return os.stat("s/file").st_nlink


step("1000 links", link_many, 1000)
step("  one inode", lambda: len({os.stat(f"s/{n}").st_ino for n in os.listdir("s") if n.startswith("hard")}))
clear("r")
clear("s")

# unlink, rmdir, mkdir: the wrong kinds.
for kind in KINDS:
    for what, action in {"unlink": os.unlink, "rmdir": os.rmdir, "mkdir": os.mkdir, "mkfifo": os.mkfifo}.items():
        make(kind, "r/x")
        step(f"{what} on {kind}", action, "r/x")
        clear("r")
    make(kind, "r/x")
    step(f"symlink onto {kind}", os.symlink, "t", "r/x")
    step(f"readlink of {kind}", os.readlink, "r/x")
    step(f"truncate of {kind}", os.truncate, "r/x", 1)
    step(f"below {kind}", look, "r/x/y")
    clear("r")
step("rmdir of .", os.rmdir, "r/.")
step("rmdir of ..", os.rmdir, "r/..")
step("unlink of .", os.unlink, "r/.")
step("mkdir with a slash", os.mkdir, "r/new/")
step("symlink to nothing", os.symlink, "", "r/empty")

# Special files.
for name, mode, device in [
    ("char", 0o020640, os.makedev(1, 3)),
    ("block", 0o060600, os.makedev(7, 250)),
    ("big", 0o020600, os.makedev(4000, 1_000_000)),
    ("whiteout", 0o020000, 0),
    ("fifo", 0o010622, 0),
    ("socket", 0o140666, 0),
    ("file", 0o100604, 0),
]:
    step(f"mknod {name}", os.mknod, f"r/{name}", mode, device)
    step("  both", both, f"r/{name}")
step("open a device", open_and, "r/char", os.O_RDONLY)

# Lengths.
for length in (254, 255, 256, 1000, 1024, 4000):
    name = "n" * length
    step(f"create a name of {length}", put, f"s/{name}")
    step(f"lookup a name of {length}", look, f"s/{name}x")
    step(f"mkdir a name of {length}", os.mkdir, f"r/{name}")
    step(f"symlink at a name of {length}", os.symlink, "t", f"r/s{name[1:]}")
    step(f"rename to a name of {length}", os.rename, "r/fifo", f"r/r{name[1:]}")
    step(f"rename back from a name of {length}", os.rename, f"r/r{name[1:]}", "r/fifo")
    step(f"link to a name of {length}", os.link, "r/fifo", f"r/l{name[1:]}")
for length in (1, 59, 60, 255, 256, 1023, 1024, 4094, 4095, 4096):
    step(f"symlink to a target of {length}", os.symlink, "t" * length, f"r/t{length}")
    step(f"readlink of {length}", lambda: len(os.readlink(f"r/t{length}")))
    step(f"size of the link of {length}", lambda: os.lstat(f"r/t{length}").st_size)
for length in (4094, 4095, 4096):
    path = "s/" + "./" * ((length - 3) // 2) + ("f" if length % 2 else ".f")
    step(f"a path of {length}", lambda: look(path[:length]))
clear("s")

# Bytes.
names = [bytes([b]) * 3 for b in range(1, 256) if b not in (0x2F, 0x2E)]
names += [b"\xff\xfe", b"a\nb", b" ", b"-", b"...", b".hidden", b"name@base", b"%41", "ümläut".encode(), b"u\xcc\x88", b"Thumbs.db"]
for name in names:
    put(b"s/" + name, name)
step("bytes are listed", lambda: sorted(os.listdir(b"s")) == sorted(names))
step("bytes are kept", lambda: all(get(b"s/" + name) == name for name in names))
step("bytes natively", lambda: sorted(os.listdir(os.fsencode(peer) + b"/s")) == sorted(names))
os.symlink(b"\xff/\x01\n", b"r/bytes")
step("bytes in a link", os.readlink, b"r/bytes")
step("bytes in a link natively", lambda: os.readlink(os.fsencode(peer) + b"/r/bytes"))

# A tree deeper than PATH_MAX.
os.mkdir("deep")
root = os.open(".", os.O_RDONLY)
os.chdir("deep")
for _ in range(400):
    os.mkdir("d" * 20)
    os.chdir("d" * 20)
put("bottom", b"bottom")
step("bottom of a deep tree", get, "bottom")
step("its path", lambda: len(os.getcwd()) - len(base))
step("up from the bottom", lambda: look(".."))
for _ in range(400):
    os.chdir("..")
step("back at the top", lambda: listing(".")[:1])
os.fchdir(root)
step("remove a deep tree", lambda: os.system("rm -r deep"))
