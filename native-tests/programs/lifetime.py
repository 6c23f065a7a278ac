"""Files that are unlinked, replaced or moved while they are open."""

import os

from steps import *

start()


def unlinked():
    fd = os.open("gone", os.O_RDWR | os.O_CREAT, 0o640)
    os.write(fd, b"before")
    os.unlink("gone")
    lines = [describe(os.fstat(fd))]
    os.pwrite(fd, b"after!", 6)
    os.ftruncate(fd, 10)
    os.fchmod(fd, 0o600)
    os.fchown(fd, ALICE, TEAM)
    os.setxattr(fd, "user.x", b"1")
    fallocate(fd, 0, 0, 20)
    os.utime(fd, ns=(7, 8))
    os.fsync(fd)
    status = os.fstat(fd)
    lines.append(f"{describe(status)} mtime {status.st_mtime_ns}")
    lines.append(repr(os.pread(fd, 100, 0)))
    lines.append(repr(os.getxattr(fd, "user.x")))
    again = os.open(f"/proc/self/fd/{fd}", os.O_RDONLY)
    lines.append(repr(os.read(again, 4)))
    lines.append(f"left {os.listdir('.')} natively {os.listdir(peer)}")
    lines.append(outcome(syscall, "linkat", AT_FDCWD, b"/proc/self/fd/%d" % fd, AT_FDCWD, b"back", 0x400))
    os.close(again)
    os.close(fd)
    return " | ".join(lines)


step("an unlinked file works on", unlinked)


def replaced():
    put("old", b"old")
    put("new", b"new")
    with opened("old", os.O_RDWR) as fd:
        os.rename("new", "old")
        os.pwrite(fd, b"OLD", 0)
        return f"{os.pread(fd, 9, 0)} links {os.fstat(fd).st_nlink}, by name {get('old')}"


step("a replaced file works on", replaced)


def moved():
    put("here", b"here")
    os.mkdir("sub")
    with opened("here", os.O_RDWR) as fd:
        os.rename("here", "sub/there")
        os.write(fd, b"HERE")
        os.ftruncate(fd, 2)
        return f"{get('sub/there')} same {os.path.samestat(os.fstat(fd), os.stat('sub/there'))}"


step("a moved file is the same", moved)


def exchanged():
    put("one", b"one")
    put("two", b"two")
    with opened("one", os.O_RDWR) as a, opened("two", os.O_RDWR) as b:
        rename2("one", "two", RENAME_EXCHANGE)
        os.write(a, b"1")
        os.write(b, b"2")
        return f"{get('one')} {get('two')}"


step("exchanged files", exchanged)


def directory():
    os.mkdir("dir")
    fd = os.open("dir", os.O_RDONLY)
    os.rmdir("dir")
    lines = [describe(os.fstat(fd)), repr(os.listdir(fd))]
    lines.append(outcome(lambda: os.open("new", os.O_CREAT | os.O_WRONLY, dir_fd=fd)))
    lines.append(outcome(lambda: os.mkdir("new", dir_fd=fd)))
    lines.append(outcome(lambda: os.stat("..", dir_fd=fd).st_nlink >= 2))
    os.close(fd)
    return " | ".join(lines)


step("a removed directory that is open", directory)


def working_directory():
    os.makedirs("cwd/deep")
    top = os.getcwd()
    os.chdir("cwd/deep")
    os.rmdir(f"{top}/cwd/deep")
    lines = [outcome(os.getcwd), outcome(os.listdir, "."), outcome(put, "x")]
    os.chdir(top)
    return " | ".join(lines)


step("a removed working directory", working_directory)


def moved_directory():
    os.makedirs("m/inner")
    with opened("m/inner", os.O_RDONLY) as fd:
        os.rename("m", "n")
        put("n/inner/file", b"found")
        with opened("file", os.O_RDONLY, dir_fd=fd) as file:
            return read_all(file)


step("a moved directory that is open", moved_directory)


def recreated():
    """The same name again is another file."""
    texts = []
    for i in range(50):
        with opened("again", os.O_RDWR | os.O_CREAT | os.O_EXCL) as fd:
            os.write(fd, b"%d" % i)
            os.unlink("again")
            texts.append(os.pread(fd, 10, 0) == b"%d" % i and os.fstat(fd).st_nlink == 0)
    return all(texts)


step("a name used fifty times", recreated)


def last_link():
    put("l1", b"linked")
    os.link("l1", "l2")
    with opened("l1", os.O_RDWR) as fd:
        counts = [os.fstat(fd).st_nlink]
        os.unlink("l1")
        counts.append(os.fstat(fd).st_nlink)
        os.unlink("l2")
        counts.append(os.fstat(fd).st_nlink)
        return f"{counts} {os.pread(fd, 9, 0)}"


step("link counts while open", last_link)


def many_open():
    fds = [os.open(f"many{i}", os.O_RDWR | os.O_CREAT) for i in range(400)]
    for i, fd in enumerate(fds):
        os.write(fd, b"%d" % i)
        os.unlink(f"many{i}")
    good = all(os.pread(fd, 10, 0) == b"%d" % i for i, fd in enumerate(fds))
    for fd in fds:
        os.close(fd)
    return good


step("400 unlinked files", many_open)


def inherited():
    """A descriptor that lives on in a child only."""
    put("child", b"parent")
    fd = os.open("child", os.O_RDWR | os.O_APPEND)
    reader, writer = os.pipe()
    pid = os.fork()
    if pid == 0:
        os.read(reader, 1)
        os.write(fd, b" and child")
        os._exit(0)
    os.close(fd)
    os.write(writer, b"x")
    os.waitpid(pid, 0)
    os.close(reader)
    os.close(writer)
    return get("child")


step("a descriptor in a child", inherited)


def both_modes():
    """Several descriptors of one file, opened in every way at once."""
    put("multi", b"0" * 10)
    reader = os.open("multi", os.O_RDONLY)
    writer = os.open("multi", os.O_WRONLY)
    appender = os.open("multi", os.O_WRONLY | os.O_APPEND)
    os.pwrite(writer, b"123", 0)
    first = os.pread(reader, 99, 0)
    os.write(appender, b"end")
    second = os.pread(reader, 99, 0)
    os.close(writer)
    truncating = os.open("multi", os.O_RDWR | os.O_TRUNC)
    third = os.pread(reader, 99, 0)
    os.write(appender, b"again")
    fourth = os.pread(truncating, 99, 0)
    for fd in (reader, appender, truncating):
        os.close(fd)
    return f"{first} {second} {third} {fourth} size {os.stat('multi').st_size} natively {peer_get('multi')}"


step("one file opened in every way", both_modes)
step("what is left", lambda: sorted(os.listdir(".")))
