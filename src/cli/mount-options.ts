import { Failure } from "../daemon/failure.js";
import { DRIVERS, type MountOptions } from "../daemon/request.js";
import {
  MS_DIRSYNC,
  MS_NOATIME,
  MS_NODEV,
  MS_NODIRATIME,
  MS_NOEXEC,
  MS_NOSUID,
  MS_RELATIME,
  MS_STRICTATIME,
  MS_SYNCHRONOUS,
} from "../sys/constants.js";

type Draft = { -readonly [K in keyof MountOptions]: MountOptions[K] };

/** A day, in seconds: for as long is kept what cannot change. */
const MOST_CACHED = 24 * 3600;

const ATIME = MS_NOATIME | MS_RELATIME | MS_STRICTATIME;

/** A word that clears some flags and sets others. */
const flag =
  (clear: number, set: number) =>
  (draft: Draft): void => {
    draft.flags = (draft.flags & ~clear) | set;
  };
const ignored = (): void => undefined;

/** Options without a value. Those that are ignored are mount(8)'s own, or say what is the case anyway. */
const words: Readonly<Record<string, (draft: Draft) => void>> = {
  ro: (draft) => {
    draft.readOnly = true;
  },
  rw: (draft) => {
    draft.readOnly = false;
  },
  allow_other: (draft) => {
    draft.allowOther = true;
  },
  passthrough: (draft) => {
    draft.passthrough = true;
  },
  nopassthrough: (draft) => {
    draft.passthrough = false;
  },
  auto_unmount: (draft) => {
    draft.autoUnmount = true;
  },
  suid: flag(MS_NOSUID, 0),
  nosuid: flag(0, MS_NOSUID),
  dev: flag(MS_NODEV, 0),
  nodev: flag(0, MS_NODEV),
  exec: flag(MS_NOEXEC, 0),
  noexec: flag(0, MS_NOEXEC),
  sync: flag(0, MS_SYNCHRONOUS),
  async: flag(MS_SYNCHRONOUS, 0),
  dirsync: flag(0, MS_DIRSYNC),
  atime: flag(ATIME, 0),
  noatime: flag(ATIME, MS_NOATIME),
  relatime: flag(ATIME, MS_RELATIME),
  strictatime: flag(ATIME, MS_STRICTATIME),
  diratime: flag(MS_NODIRATIME, 0),
  nodiratime: flag(0, MS_NODIRATIME),
  default_permissions: ignored,
  defaults: ignored,
  nofail: ignored,
  _netdev: ignored,
  user: ignored,
  users: ignored,
  owner: ignored,
  group: ignored,
  auto: ignored,
  noauto: ignored,
};

/** Options with a value. */
const settings: Readonly<Record<string, (draft: Draft, value: string) => void>> = {
  uid: (draft, value) => {
    draft.uid = number("uid", value, 10, 0xfffffffe, "a number of a user, as `id -u NAME` prints it");
  },
  gid: (draft, value) => {
    draft.gid = number("gid", value, 10, 0xfffffffe, "a number of a group, as `id -g NAME` prints it");
  },
  umask: (draft, value) => {
    draft.umask = number("umask", value, 8, 0o777, "octal permission bits, such as 022");
  },
  fsname: (draft, value) => {
    if (value === "" || value.includes("\0")) throw invalid("fsname", value, "a name to show as the source");
    draft.fsname = value;
  },
  prepare: (draft, value) => {
    if (value !== "sync" && value !== "background") throw invalid("prepare", value, "sync or background");
    draft.prepareSync = value === "sync";
  },
  cache_timeout: (draft, value) => {
    draft.cacheTimeout = 1000 * number("cache_timeout", value, 10, MOST_CACHED, "seconds: 0 to 86400");
  },
  driver: (draft, value) => {
    const driver = DRIVERS.find((name) => name === value);
    if (driver === undefined) throw invalid("driver", value, DRIVERS.join(" or "));
    draft.driver = driver;
  },
  user: ignored,
  comment: ignored,
};

/** What others' options are called here, or why they are not needed. */
const hints: Readonly<Record<string, string>> = {
  allow_root: "allow_other is for root and all others, and the default for root",
  nonempty: "a mountpoint is an empty directory, so that nothing is hidden",
  remount: "unmount with `snapmount umount MOUNTPOINT` and mount again",
  subtype: "the type is always fuse.snapmount",
  debug: "use -d",
  foreground: "use -f",
  attr_timeout: "use cache_timeout",
  entry_timeout: "use cache_timeout",
  kernel_cache: "caching is always as strong as is safe",
  auto_cache: "caching is always as strong as is safe",
  direct_io: "programs ask for it by O_DIRECT",
  big_writes: "large writes are the rule",
  use_ino: "inode numbers are always those of the store",
  lazytime: "mount the store's own file system with it",
};

/**
 * Decodes what follows `-o`. A later option wins over an earlier one; `\\,` and `\\\\` stand for themselves (fuse(8)).
 * @param lists the values of each `-o`, in order
 * @param sloppy ignores unknown options (mount(8) -s)
 * @throws Failure of kind usage, naming the option and what to say instead
 */
export function parseMountOptions(lists: readonly string[], sloppy = false): MountOptions {
  const draft: Draft = {
    readOnly: false,
    allowOther: undefined,
    flags: MS_NOSUID | MS_NODEV,
    fsname: undefined,
    prepareSync: false,
    passthrough: true,
    cacheTimeout: undefined,
    autoUnmount: false,
    uid: undefined,
    gid: undefined,
    umask: undefined,
    driver: undefined,
  };
  for (const option of lists.flatMap(split)) apply(draft, option, sloppy);
  return draft;
}

function apply(draft: Draft, option: string, sloppy: boolean): void {
  if (option === "" || option.startsWith("x-") || option.startsWith("X-")) return;
  const equals = option.indexOf("=");
  const name = equals < 0 ? option : option.slice(0, equals);
  const word = own(words, name);
  const setting = own(settings, name);
  if (equals < 0 && word !== undefined) word(draft);
  else if (equals >= 0 && setting !== undefined) setting(draft, option.slice(equals + 1));
  else if (setting !== undefined) throw usage(`the option ${name} needs a value: -o ${name}=VALUE`);
  else if (word !== undefined) throw usage(`the option ${name} takes no value: say -o ${name}`);
  else if (!sloppy) throw unknown(name);
}

function unknown(name: string): Failure {
  const hint = own(hints, name) ?? nearest(name);
  return usage(
    `unknown mount option ${JSON.stringify(name)}: ${hint ?? "snapmount --help lists what there is"}`,
  );
}

function nearest(name: string): string | undefined {
  const known = [...Object.keys(words), ...Object.keys(settings)];
  const plain = (text: string): string => text.toLowerCase().replaceAll(/[-_]/g, "");
  const match = known.find(
    (candidate) =>
      plain(candidate) === plain(name) || (name.length > 3 && plain(candidate).startsWith(plain(name))),
  );
  return match === undefined ? undefined : `did you mean ${match}?`;
}

function number(name: string, value: string, base: 8 | 10, most: number, expected: string): number {
  const digits = base === 8 ? /^[0-7]{1,4}$/ : /^\d{1,10}$/;
  const decoded = digits.test(value) ? Number.parseInt(value, base) : Number.NaN;
  if (!(decoded <= most)) throw invalid(name, value, expected);
  return decoded;
}

function invalid(name: string, value: string, expected: string): Failure {
  return usage(`-o ${name}=${value} is not possible: ${name} takes ${expected}`);
}

function usage(message: string): Failure {
  return new Failure("usage", message);
}

function own<T>(table: Readonly<Record<string, T>>, name: string): T | undefined {
  return Object.hasOwn(table, name) ? table[name] : undefined;
}

/** Splits at commas that no backslash protects. */
function split(list: string): string[] {
  return (list.match(/(?:\\.|[^,\\]|\\$)+/gsu) ?? []).map((part) => part.replaceAll(/\\([,\\])/g, "$1"));
}
