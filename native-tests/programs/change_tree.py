"""Changes the tree of make_tree.py in every way that a user can while it is being copied; prints what each step says.

usage: change_tree.py DIRECTORY
"""
import ctypes
import errno
import os
import sys

os.chdir(sys.argv[1])
os.umask(0o022)
libc = ctypes.CDLL(None, use_errno=True)
RENAME_NOREPLACE, RENAME_EXCHANGE = 1, 2


def say(what, call, *args):
    try:
        print(what, call(*args))
    except OSError as error:
        print(what, errno.errorcode[error.errno])


def rename(a, b, flags):
    if libc.renameat2(-100, a.encode(), -100, b.encode(), flags) != 0:
        raise OSError(ctypes.get_errno(), a)


def write(path, data, flags):
    fd = os.open(path, flags, 0o640)
    os.write(fd, data)
    os.close(fd)


def shown(path):
    st = os.lstat(path)
    return oct(st.st_mode), st.st_nlink, st.st_size, st.st_uid


say("nlink of a linked file", lambda: os.lstat("dir5/sub5/linked").st_nlink)
say("a name of it goes", os.unlink, "dir6/sub6/linked")
say("nlink then", lambda: os.lstat("dir7/sub7/linked").st_nlink)
say("another name for it", os.link, "dir8/sub8/linked", "dir9/new link")
say("nlink then", lambda: os.lstat("dir5/sub5/linked").st_nlink)
say("append", write, "dir1/file4", b"appended", os.O_WRONLY | os.O_APPEND)
say("truncating open", write, "dir1/file5", b"new", os.O_WRONLY | os.O_TRUNC)
say("only truncating", write, "dir1/file6", b"", os.O_WRONLY | os.O_TRUNC)
say("truncate to nothing", os.truncate, "dir1/file7", 0)
say("truncate to a bit", os.truncate, "dir1/file8", 100)
say("overwrite the middle of a large file", lambda: write("big", b"!" * 4096, os.O_WRONLY))
say("write through a linked name", write, "dir10/sub10/linked", b"through", os.O_WRONLY)
say("unlink", os.unlink, "dir2/file1")
say("make it again", write, "dir2/file1", b"mine", os.O_WRONLY | os.O_CREAT | os.O_EXCL)
say("a directory in place of a file", lambda: (os.unlink("dir2/file2"), os.mkdir("dir2/file2", 0o700)))
say("a link in place of a file", lambda: (os.unlink("dir2/file3"), os.symlink("/etc/passwd", "dir2/file3")))
say("a device in place of a file", lambda: (os.unlink("dir2/file4"), os.mknod("dir2/file4", 0o020600, os.makedev(1, 5))))
say("a file in place of a tree", lambda: (rename("dir11", "moved away", 0), write("dir11", b"file", os.O_CREAT | os.O_WRONLY)))
say("a link in place of a tree", lambda: (rename("dir10/sub10", "sub moved", 0), os.symlink("../dir9", "dir10/sub10")))
say("rename a file", os.rename, "dir3/file1", "dir3/renamed")
say("rename onto a file", os.rename, "dir3/file2", "dir4/file3")
say("rename into a directory that is not listed yet", os.rename, "dir3/file5", "dir9/sub9/deep/here")
say("exchange trees", rename, "dir5", "dir6", RENAME_EXCHANGE)
say("exchange a file and a tree", rename, "dir5/file1", "dir7/sub7", RENAME_EXCHANGE)
say("no replacing", rename, "dir8/file1", "dir8/file2", RENAME_NOREPLACE)
say("onto a directory that is not empty", os.rename, "setgid", "sticky")
say("rmdir of one that is not empty", os.rmdir, "dir8/sub8")
say("rmdir of a deep one", os.rmdir, "dir8/sub8/deep")
say("chmod", os.chmod, "dir7/file2", 0o751)
say("chmod of a directory", os.chmod, "dir8/sub8", 0o711)
say("chown", os.chown, "dir7/file3", 1234, -1)
say("setxattr", os.setxattr, "dir7/file4", "user.mine", b"1")
say("removexattr", os.removexattr, "dir3/renamed", "user.key")
say("getxattr", os.getxattr, "dir3", "user.key")
say("listxattr", os.listxattr, "acl")
say("times", lambda: os.utime("dir7/file5", ns=(5, 6)))
say("a file in a directory with a default ACL", write, "acl/mine", b"", os.O_CREAT | os.O_WRONLY)
say("a file in a setgid directory", write, "setgid/mine", b"", os.O_CREAT | os.O_WRONLY)
say("a directory in it", os.mkdir, "setgid/own")
say("what is new", lambda: [shown(path) for path in ("acl/mine", "setgid/mine", "setgid/own")])
say("a link to something not read yet", os.link, "dir9/file9", "dir0/second name")
say("remove a tree", lambda: [os.remove(f"dir9/sub9/deep/file{i}") for i in range(15)])
say("a mode that says not copied", os.chmod, "dir4/file6", 0o1601)
say("the same for a directory", os.chmod, "dir4/sub4", 0o1701)
say("content of it", lambda: (os.listdir("dir4/sub4").sort(), len(open("dir4/file6", "rb").read())))
