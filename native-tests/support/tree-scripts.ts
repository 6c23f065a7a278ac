/** Shell commands that make what a system's tree does not have: everything that is awkward to copy. */
export const ODDITIES = `
  mkdir odd; cd odd
  mknod block b 8 1; mknod character c 1 3; mkfifo fifo; ln fifo fifo2
  python3 -c 'import socket; socket.socket(socket.AF_UNIX).bind("socket")'
  ln -s nowhere link; ln link link2; touch -h -d '2001-02-03 04:05:06.123456789' link
  setfattr -h -n trusted.test -v of-a-link link
  mkdir d1 d2; echo linked > d1/file; ln d1/file d2/file; ln d1/file zz
  truncate -s 8M holes; printf end | dd of=holes bs=1 seek=5000000 conv=notrunc status=none
  echo acl > acl; setfacl -m u:1234:rw acl; mkdir default; setfacl -d -m u:1234:rwx default
  cp /usr/bin/id suid; chmod 6755 suid; setcap cap_net_raw+ep acl
  echo x > user; setfattr -n user.test -v value user; setfattr -n trusted.test -v value user
  python3 -c 'import os; open(b"\\xff\\xfe name \\n", "w").close(); os.mkdir(b"\\xc3\\x28")'
  echo owned > owned; chown 1234:4321 owned; chmod 0 owned; chown -h 1:2 link; mkdir sticky; chmod 3777 sticky
  mkdir -p deep/a/b/c/d/e/f; touch -d '1999-12-31 23:59:59.999999999' deep deep/a/b/c owned
`;

/** Changes that are made natively and in an entry alike; times are set, since the moment cannot be the same. */
export const CHANGES = `
  rm -r usr/share/perl odd/d2; rm etc/passwd odd/link; mv etc/group etc/groups; mv usr/sbin usr/superuser
  echo more >> etc/hostname; chmod 4711 usr/bin/env; chown 7:8 odd/owned; mkdir new; cp -a etc/pam.d new/
  ln new/pam.d/other new/hard; ln -s x new/soft; mknod new/null c 1 3; setfattr -n user.new -v 1 etc/groups
  truncate -s 100 usr/bin/id; setfacl -m u:99:r etc/groups
  find . -newermt '2026-01-01' -exec touch -h -d '2020-02-02 02:02:02.020202020' {} +
`;
