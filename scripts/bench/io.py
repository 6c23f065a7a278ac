"""Small operations, timed inside one process, so that the start of processes does not count.

    usage: io.py ROW DIRECTORY COUNT
    Prints the time in milliseconds; of `stat-latency` the 99th percentile of one stat.
"""

import os
import random
import shutil
import subprocess
import sys
import time

row, directory, count = sys.argv[1], sys.argv[2], int(sys.argv[3])
BLOCK = 4096


def timed(action):
    begin = time.perf_counter()
    action()
    return (time.perf_counter() - begin) * 1000


def random_io(write):
    """count reads or writes of 4 KiB at random places of an existing file."""
    fd = os.open(f"{directory}/sequential", os.O_RDWR)
    blocks = os.fstat(fd).st_size // BLOCK
    rng = random.Random(1)
    offsets = [rng.randrange(blocks) * BLOCK for _ in range(count)]
    data = b"r" * BLOCK

    def work():
        for offset in offsets:
            if write:
                os.pwrite(fd, data, offset)
            else:
                os.pread(fd, BLOCK, offset)

    elapsed = timed(work)
    os.close(fd)
    return elapsed


def small_files(action):
    """count files of 100 bytes in directories of 100, by paths from the directory, as deep for every contender."""
    os.chdir(directory)
    paths = [f"small/{i // 100}/{i}" for i in range(count)]

    def create(path):
        fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o644)
        os.write(fd, b"s" * 100)
        os.close(fd)

    def read(path):
        fd = os.open(path, os.O_RDONLY)
        os.read(fd, 4096)
        os.close(fd)

    if action == "create":
        for i in range(0, count, 100):
            os.makedirs(f"small/{i // 100}")
    function = {"create": create, "open": read, "stat": os.stat, "unlink": os.unlink}[action]
    elapsed = timed(lambda: [function(path) for path in paths])
    if action == "unlink":
        shutil.rmtree("small")
    return elapsed


def writes():
    """count writes of 10 bytes to one open file."""
    fd = os.open(f"{directory}/writes", os.O_WRONLY | os.O_CREAT, 0o644)
    for _ in range(count):
        os.write(fd, b"0123456789")
    os.close(fd)
    os.unlink(f"{directory}/writes")
    return 0


LOAD = """
while :; do
  for i in 1 2 3 4; do cp "$1/sequential" "$1/copy$i"; sync "$1/copy$i"; done
  rm -f "$1"/copy?
done
"""


def stat_latency():
    """p99 of stat, at an interval of 1 ms, while another process copies (4 x sequential) and fsyncs."""
    paths = [f"{directory}/latency/{i}" for i in range(500)]
    os.makedirs(f"{directory}/latency", exist_ok=True)
    for path in paths:
        open(path, "w").close()
    load = subprocess.Popen(["sh", "-c", LOAD, "sh", directory], start_new_session=True)
    rng = random.Random(2)
    samples = []
    end = time.monotonic() + count / 1000
    while time.monotonic() < end:
        time.sleep(0.001)
        path = rng.choice(paths)
        samples.append(timed(lambda: os.stat(path)))
    os.killpg(load.pid, 9)
    load.wait()
    os.system(f"rm -rf '{directory}'/copy? '{directory}/latency'")
    samples.sort()
    return samples[int(len(samples) * 0.99)]


ROWS = {
    "random-read": lambda: random_io(False),
    "random-write": lambda: random_io(True),
    "stat-latency": stat_latency,
    "writes": writes,
    **{f"small-{a}": (lambda a=a: small_files(a)) for a in ("create", "open", "stat", "unlink")},
}
print(ROWS[row]())
