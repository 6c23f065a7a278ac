/** The default first. */
export const DRIVERS = ["kernel", "fuse-native"] as const;
export type DriverName = (typeof DRIVERS)[number];

/** What `-o` says, decoded; defaults are filled in. */
export interface MountOptions {
  /** `ro`: the mount, and the store with it, are only read. */
  readonly readOnly: boolean;
  /** Undefined: as the user's privileges allow (root: yes). */
  readonly allowOther: boolean | undefined;
  /** MS_* flags but MS_RDONLY. */
  readonly flags: number;
  /** What df and findmnt show as the source; undefined: the store's path. */
  readonly fsname: string | undefined;
  /** `prepare=sync`: mkdir waits for the copy. */
  readonly prepareSync: boolean;
  /** Whether the kernel may read and write backing files itself. */
  readonly passthrough: boolean;
  /** For how long the kernel may keep names and attributes in active/, in ms; undefined: a second, or longer what is watched. */
  readonly cacheTimeout: number | undefined;
  /** Owner and group that the control directories show; undefined: the daemon's. */
  readonly uid: number | undefined;
  readonly gid: number | undefined;
  /** Unmounts when the daemon is killed. */
  readonly autoUnmount: boolean;
  /** Permission bits that the control directories lack, or undefined. */
  readonly umask: number | undefined;
  /** For fstab, which has options only. */
  readonly driver: DriverName | undefined;
}

/** A mount that somebody asks for. */
export interface MountRequest {
  /** Path as given by the user, made absolute. */
  readonly store: string;
  readonly mountpoint: string;
  readonly driver: DriverName;
  readonly options: MountOptions;
  /** Prints every debug namespace. */
  readonly debug: boolean;
}
