#!/bin/sh
# Installs the Debian packages that the native tests and the benchmarks use, as far as their programs are missing. Needs root; asks nothing.
set -eu
missing=
need() { # PROGRAM PACKAGE
  command -v "$1" >/dev/null 2>&1 || missing="$missing $2"
}
PATH=$PATH:/usr/sbin:/sbin
need fusermount3 fuse3
need setfattr attr
need setfacl acl
need setcap libcap2-bin
need mkfs.ext4 e2fsprogs
need mkfs.xfs xfsprogs
need mkfs.btrfs btrfs-progs
need rsync rsync
need debootstrap debootstrap
need git git
need python3 python3-minimal
need setpriv util-linux
need make make
need fuse-overlayfs fuse-overlayfs
need bindfs bindfs
need ps procps
need zsh zsh
need fish fish
# For --driver fuse-native; installed before npm install, so that the package's prebuilt binary is taken as it is.
ldconfig -p | grep -q 'libfuse\.so\.2 ' || missing="$missing libfuse2"
# The desktop tests.
need Xvfb xvfb
need dbus-daemon dbus
need xdotool xdotool
need scrot scrot
need gio libglib2.0-bin
need thunar thunar
need pcmanfm pcmanfm
[ -n "$missing" ] || exit 0
export DEBIAN_FRONTEND=noninteractive
apt-get -qq update
# shellcheck disable=SC2086 # a list of names
apt-get -qq install -y --no-install-recommends $missing
