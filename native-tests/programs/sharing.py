"""What processes share: locks, mappings, programs, notifications."""

import fcntl
import mmap
import os
import select
import signal
import socket
import struct
import time

from steps import *

start()
os.chmod(".", 0o777)
put("locked", b"0" * 100)


def with_holder(hold, probe):
    """Outcome of probe in another process while a process has done hold, and after that has ended."""
    ready_r, ready_w = os.pipe()
    pid = os.fork()
    if pid == 0:
        os.write(ready_w, outcome(hold).encode())
        signal.pause()
        os._exit(0)
    os.read(ready_r, 100)
    held = run_as(0, probe)
    os.kill(pid, signal.SIGKILL)
    os.waitpid(pid, 0)
    os.close(ready_r)
    os.close(ready_w)
    for _ in range(100):  # a lock goes with the last reference, which may take a moment
        if "EAGAIN" not in (freed := run_as(0, probe)):
            break
        time.sleep(0.02)
    return f"{held} then {freed}"


def flock(kind, path="locked"):
    fd = os.open(path, os.O_RDWR)
    fcntl.flock(fd, kind | fcntl.LOCK_NB)
    return f"got it on descriptor {fd > 2}"


def posix(kind, start_at, length, path="locked"):
    fd = os.open(path, os.O_RDWR)
    fcntl.lockf(fd, kind | fcntl.LOCK_NB, length, start_at)
    return f"got it on descriptor {fd > 2}"


SHARED, EXCLUSIVE = fcntl.LOCK_SH, fcntl.LOCK_EX
for a in (SHARED, EXCLUSIVE):
    for b in (SHARED, EXCLUSIVE):
        step(f"flock {a} against {b}", with_holder, lambda: flock(a), lambda: flock(b))
        step(f"POSIX {a} against {b}", with_holder, lambda: posix(a, 0, 10), lambda: posix(b, 5, 10))
        step(f"POSIX {a} beside {b}", with_holder, lambda: posix(a, 0, 10), lambda: posix(b, 10, 10))
        step(f"flock {a} beside POSIX {b}", with_holder, lambda: flock(a), lambda: posix(b, 0, 0))


def owner_of_lock():
    fd = os.open("locked", os.O_RDWR)
    query = struct.pack("hhqqi4x", fcntl.F_WRLCK, os.SEEK_SET, 0, 10, 0)
    kind, _, begin, length, _ = struct.unpack("hhqqi4x", fcntl.fcntl(fd, fcntl.F_GETLK, query))
    return kind, begin, length


step("F_GETLK", with_holder, lambda: posix(EXCLUSIVE, 3, 4), owner_of_lock)


F_OFD_SETLK = 37  # <fcntl.h>


def locked_by_ofd():
    a, b = os.open("locked", os.O_RDWR), os.open("locked", os.O_RDWR)
    lock = struct.pack("hhqqi4x", fcntl.F_WRLCK, os.SEEK_SET, 0, 10, 0)
    fcntl.fcntl(a, F_OFD_SETLK, lock)
    refused = outcome(fcntl.fcntl, b, F_OFD_SETLK, lock)
    os.close(a)
    os.close(b)
    return refused


step("open file description locks", locked_by_ofd)
step("a lock needs write access", open_and, "locked", os.O_RDONLY, lambda fd: fcntl.lockf(fd, EXCLUSIVE | fcntl.LOCK_NB))
step("lease", open_and, "locked", os.O_RDONLY, lambda fd: fcntl.fcntl(fd, fcntl.F_SETLEASE, fcntl.F_UNLCK))


# Mappings.
def shared_mapping():
    put("mapped", b"m" * 10000)
    os.utime("mapped", ns=(1, 1))
    with opened("mapped", os.O_RDWR) as fd:
        mapping = mmap.mmap(fd, 10000)
        mapping[0:3] = b"abc"
        mapping[9000:9003] = b"xyz"
        mapping.flush()
        mapping.close()
    content, native = get("mapped"), peer_get("mapped")
    times = [os.stat(os.path.join(root, "mapped")).st_mtime > 1000 for root in (".", peer)]
    return f"{content[:4]} {content[8999:9004]} same natively {content == native} mtime moved {times}"


step("shared mapping", shared_mapping)


def seen_through(reader_maps):
    """A store in a mapping is seen by read(2) and by another mapping, a write(2) by the mapping."""
    put("through", b"-" * 8192)
    with opened("through", os.O_RDWR) as fd, opened("through", os.O_RDONLY) as other:
        mapping = mmap.mmap(fd, 8192)
        mapping[5:8] = b"map"
        first = mmap.mmap(other, 8192, prot=mmap.PROT_READ)[5:8] if reader_maps else os.pread(other, 3, 5)
        os.pwrite(fd, b"write", 4100)
        return f"{first} {mapping[4100:4105]}"


step("mapping and read", seen_through, False)
step("mapping and mapping", seen_through, True)


def private_mapping():
    put("private", b"p" * 5000)
    with opened("private", os.O_RDONLY) as fd:
        mapping = mmap.mmap(fd, 5000, flags=mmap.MAP_PRIVATE, prot=mmap.PROT_READ | mmap.PROT_WRITE)
        mapping[0:1] = b"X"
        return f"{mapping[0:2]} file {get('private')[:2]} natively {peer_get('private')[:2]}"


step("private mapping", private_mapping)


def outlives_close():
    put("outlives", b"o" * 4096)
    fd = os.open("outlives", os.O_RDWR)
    mapping = mmap.mmap(fd, 4096)
    os.close(fd)
    os.unlink("outlives")
    mapping[0:2] = b"OK"
    return mapping[0:4]


step("a mapping outlives close and unlink", outlives_close)


def beyond_end():
    put("short", b"s" * 100)
    with opened("short", os.O_RDWR) as fd:
        mapping = mmap.mmap(fd, 100)
        os.ftruncate(fd, 5000)
        os.pwrite(fd, b"new", 4990)
        grown = mmap.mmap(fd, 5000)
        return f"{mapping[0:2]} {grown[4989:4994]}"


step("a file that grows under a mapping", beyond_end)
step("shared mapping of a read-only descriptor", open_and, "short", os.O_RDONLY, lambda fd: mmap.mmap(fd, 100).close())
step("mapping of a directory", open_and, ".", os.O_RDONLY, lambda fd: mmap.mmap(fd, 100).close())

# Programs.
os.system("cp /bin/true program && chmod 755 program")
put("script", b"#!/bin/sh\nid -u; echo $0 $1\n", 0o755)
put("suid", open("/usr/bin/id", "rb").read())
os.chmod("suid", 0o4755)
step("a program", os.system, "./program")
step("a script", lambda: os.popen("./script argument").read())
step("a program without x", lambda: (os.chmod("program", 0o644), os.execv("./program", ["x"])))
os.chmod("program", 0o755)
step_as(ALICE, "a program of another", os.system, "./program")
step_as(ALICE, "suid is ignored", lambda: os.popen("./suid -u").read())


def write_to_running():
    os.system("cp /bin/sleep running && chmod 755 running")
    pid = os.spawnv(os.P_NOWAIT, "./running", ["sleep", "30"])
    time.sleep(0.3)
    result = outcome(open_and, "running", os.O_WRONLY)
    os.kill(pid, signal.SIGKILL)
    os.waitpid(pid, 0)
    return result


step("write to a running program", write_to_running)


def run_while_written():
    with opened("program", os.O_WRONLY):
        return outcome(os.execv, "./program", ["x"])


step("run what is open for writing", run_while_written)

# Notifications.
EVENTS = {1 << i: name for i, name in enumerate(["ACCESS", "MODIFY", "ATTRIB", "CLOSE_WRITE", "CLOSE_NOWRITE", "OPEN",
          "MOVED_FROM", "MOVED_TO", "CREATE", "DELETE", "DELETE_SELF", "MOVE_SELF"])}


def events(path, change):
    watch = libc.inotify_init1(0)
    syscall("inotify_add_watch", watch, os.fsencode(path), 0xFFF)
    change()
    seen = []
    while select.select([watch], [], [], 0.3)[0]:
        data, at = os.read(watch, 65536), 0
        while at < len(data):
            _, mask, _, length = struct.unpack_from("iIII", data, at)
            name = data[at + 16 : at + 16 + length].rstrip(b"\0").decode()
            seen += [f"{text}:{name}" for bit, text in EVENTS.items() if mask & bit]
            at += 16 + length
    os.close(watch)
    return seen


os.mkdir("watched")
step("inotify create", events, "watched", lambda: put("watched/a"))
step("inotify rename", events, "watched", lambda: os.rename("watched/a", "watched/b"))
step("inotify chmod", events, "watched", lambda: os.chmod("watched/b", 0o600))
step("inotify write", events, "watched/b", lambda: put("watched/b", b"more"))
step("inotify read", events, "watched", lambda: get("watched/b"))
step("inotify link", events, "watched", lambda: os.link("watched/b", "watched/c"))
step("inotify unlink", events, "watched", lambda: os.unlink("watched/b"))
step("inotify delete self", events, "watched/c", lambda: os.unlink("watched/c"))
step("inotify mkdir", events, "watched", lambda: os.mkdir("watched/d"))
step("inotify rmdir", events, "watched", lambda: os.rmdir("watched/d"))
step("inotify truncate", events, "locked", lambda: os.truncate("locked", 1))


def pipe_between():
    """A FIFO of the entry connects two processes."""
    os.mkfifo("fifo")
    pid = os.fork()
    if pid == 0:
        put_fd = os.open("fifo", os.O_WRONLY)
        os.write(put_fd, b"through the fifo")
        os._exit(0)
    text = get("fifo")
    os.waitpid(pid, 0)
    return text


step("fifo", pipe_between)


def local_socket():
    server = socket.socket(socket.AF_UNIX)
    server.bind("socket")
    server.listen()
    client = socket.socket(socket.AF_UNIX)
    client.connect("socket")
    client.send(b"hello")
    return server.accept()[0].recv(10)


step("socket", local_socket)
