import { fileURLToPath } from "node:url";

/** A file by which other programs of the host find snapmount. */
export interface HostFile {
  readonly path: string;
  readonly mode: number;
  readonly text: string;
}

const program = (name: string): string => fileURLToPath(new URL(name, import.meta.url));
/** For sh(1). */
const quoted = (path: string): string => `'${path.replaceAll("'", "'\\''")}'`;
/** For ExecStart= and the like (systemd.service(5), systemd.syntax(7)). */
const escaped = (path: string): string =>
  `"${path.replaceAll(/[\\"]/g, "\\$&").replaceAll("%", "%%").replaceAll("$", "$$$$")}"`;

/**
 * The helper of mount(8) for the type fuse.snapmount, and a unit for systemd. Both name this node and this snapmount by
 * absolute paths, because they are run without an environment.
 * @param node path of the interpreter
 */
export function hostFiles(node = process.execPath): readonly HostFile[] {
  const main = program("./main.js");
  return [
    {
      path: "/sbin/mount.fuse.snapmount",
      mode: 0o755,
      text: `#!/bin/sh
# Written by \`snapmount install\`: mount(8) runs this for mount -t fuse.snapmount and for fstab.
exec ${quoted(node)} ${quoted(program("./mount-helper.js"))} "$@"
`,
    },
    {
      path: "/usr/local/lib/systemd/system/snapmount@.service",
      mode: 0o644,
      text: `# Written by \`snapmount install\`. /etc/snapmount/NAME.conf has the lines STORE=…, MOUNTPOINT=… and, if need be, OPTIONS=…;
# then: systemctl enable --now snapmount@NAME
[Unit]
Description=Snapshot store %i
After=local-fs.target
ConditionPathExists=/dev/fuse

[Service]
Type=notify
Environment=OPTIONS=rw
EnvironmentFile=/etc/snapmount/%i.conf
ExecStart=${escaped(node)} ${escaped(main)} --foreground --options=\${OPTIONS} -- \${STORE} \${MOUNTPOINT}
ExecStop=${escaped(node)} ${escaped(main)} umount \${MOUNTPOINT}
# The daemon unmounts at SIGTERM, also what is busy, and finishes its copies.
KillMode=mixed
TimeoutStopSec=120
Restart=on-failure

[Install]
WantedBy=multi-user.target
`,
    },
  ];
}
