"""Unpacks a chain of image layers as others do: whiteouts by this script, all the rest by GNU tar.

usage: apply_layers.py DIRECTORY LAYER.tar...
"""
import os
import shutil
import subprocess
import sys
import tarfile

WHITEOUT = ".wh."
ATTRIBUTES = ["--xattrs", "--xattrs-include=*", "--acls", "--numeric-owner"]


def remove(path):
    if os.path.isdir(path) and not os.path.islink(path):
        shutil.rmtree(path)
    else:
        os.unlink(path)


def main():
    directory, *layers = sys.argv[1:]
    for layer in layers:
        with tarfile.open(layer, errors="surrogateescape", encoding="utf-8") as archive:
            for name in archive.getnames():
                parent, base = os.path.split(name)
                if base.startswith(WHITEOUT):
                    remove(os.path.join(directory, parent, base[len(WHITEOUT):]))
        exclude = ["--no-anchored", "--wildcards", f"--exclude={WHITEOUT}*"]
        subprocess.run(["tar", "-C", directory, *ATTRIBUTES, *exclude, "-xpf", layer], check=True)


main()
