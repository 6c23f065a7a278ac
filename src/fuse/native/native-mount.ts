import { readdirSync, readlinkSync } from "node:fs";
import { deferred } from "../../base/deferred.js";
import { log } from "../../base/log.js";
import { F_DUPFD_CLOEXEC, F_SETFD, FD_CLOEXEC, POLLERR, POLLHUP } from "../../sys/constants.js";
import { EIO, ENOTCONN, EPERM, errnoName } from "../../sys/errno.js";
import { check, SysError } from "../../sys/error.js";
import { close, fcntl } from "../../sys/file.js";
import { PollSet } from "../../sys/poll.js";
import type { FileSystem, SessionControl } from "../filesystem.js";
import { MountError, type MountOptions } from "../mount.js";
import { Operations } from "./operations.js";
import { mountWords } from "./options.js";
import { type Binding, type Handler, loadFuseNative } from "./package.js";
import { REQUEST_BYTES, type Request } from "./request.js";
import { passSingleTimes } from "./single-times.js";

const debug = log("fuse");
/** How often to look whether the mount is still there; fuse-native does not tell. */
const LOOK_MS = 100;
/** The handler table of fuse-native.c. */
const OPERATIONS = 35;
/** These hand the memory behind their buffer back when they are answered, and take so many arguments before it. */
const WITH_DATA: Readonly<Record<string, readonly number[]>> = {
  read: [0],
  write: [0],
  setxattr: [],
  getxattr: [],
  listxattr: [],
};

/** Nothing of what the kernel driver can ask its session for is to be had through libfuse 2. */
const control: SessionControl = {
  features: { minor: 19, passthrough: false, killPrivV2: false, readdirPlus: false, noOpendir: false },
  openBacking: () => -EPERM,
  closeBacking: () => undefined,
  // Nothing is cached that could become wrong: all timeouts are 0.
  invalidateInode: () => undefined,
  expireEntry: async () => undefined,
  // Requests are called back one by one; Operations waits for a RELEASE where one may be under way.
  drainReleases: () => undefined,
};

/**
 * A file system mounted by fuse-native. It calls back in the main thread and nowhere else (uv_default_loop in its
 * fuse-native.c), so this is to be made there.
 */
export class NativeMount {
  /** Resolves when requests are answered. */
  readonly started: Promise<void>;
  /** Resolves when the mount has gone. */
  readonly ended: Promise<void>;
  private readonly ready = deferred<void>();
  private readonly gone = deferred<void>();
  private readonly binding: Binding;
  private readonly thread: Buffer;
  private readonly requests = new Set<Buffer>();
  private readonly device: number;
  private readonly watch: NodeJS.Timeout;
  private stopped = false;
  private finished = false;

  /**
   * Mounts.
   * @throws MountError when fuse-native is missing, or cannot mount
   */
  constructor(
    private readonly fs: FileSystem,
    private readonly options: MountOptions,
  ) {
    this.started = this.ready.promise;
    this.ended = this.gone.promise;
    this.binding = loadFuseNative();
    this.thread = Buffer.alloc(this.binding.sizeof_fuse_thread_t);
    const mountpoint = Buffer.from(options.mountpoint, "latin1").toString();
    const words = mountWords(options);
    fs.init(control);
    const before = devices();
    try {
      const { handlers, implemented } = this.handlers();
      this.binding.fuse_native_mount(
        mountpoint,
        `-o${words}`,
        this.thread,
        {},
        (size) => this.allocate(size),
        handlers,
        implemented,
      );
    } catch (error) {
      fs.destroy();
      throw new MountError(0, `libfuse cannot mount at ${mountpoint}; what it says stands above (${error})`);
    }
    if (!passSingleTimes(this.thread))
      debug("this libfuse is not known: changes of one time alone, as by tar -x, will be lost");
    debug("fuse-native has mounted %s with %s", mountpoint, words);
    this.device = ownDevice(devices().find((fd) => !before.includes(fd)));
    this.watch = setInterval(() => this.look(), LOOK_MS);
  }

  /** Answers nothing any more, although the mount may still be used; the end of the process takes it away. */
  stop(): void {
    this.stopped = true;
    this.finish();
  }

  /** The connection says by an error that it has been ended; requests that wait make it readable, which is not asked. */
  private look(): void {
    const poll = new PollSet([this.device], 0);
    if (poll.wait(0) > 0 && (poll.events(0) & (POLLERR | POLLHUP)) !== 0) this.finish();
  }

  private finish(): void {
    if (this.finished) return;
    this.finished = this.stopped = true;
    clearInterval(this.watch);
    close(this.device);
    this.binding.fuse_native_unmount("", this.thread);
    this.fs.destroy();
    this.gone.resolve();
  }

  private allocate(size: number): Buffer {
    if (size < REQUEST_BYTES) throw new SysError(EIO, "fuse-native", `a request of ${size} bytes`);
    const request = Buffer.alloc(size);
    this.requests.add(request);
    return request;
  }

  private handlers(): { handlers: Handler[]; implemented: Uint32Array } {
    const operations = new Operations(this.fs, this.options.allowOther);
    const implemented = new Uint32Array(OPERATIONS);
    const refuse = this.signal("access");
    const handlers: Handler[] = new Array<Handler>(OPERATIONS).fill((request) => refuse(request, -EIO));
    for (const [name, operation] of Object.entries(operations.table)) {
      const number = this.binding[`op_${name}`] as number;
      const before = WITH_DATA[name];
      const signal = this.signal(before === undefined && name !== "init" ? "access" : name);
      implemented[number] = 1;
      handlers[number] = (request, _number, ...args) => {
        const data = args.find((arg) => Buffer.isBuffer(arg)) ?? Buffer.alloc(0);
        const answer = (code: number): void => {
          if (before === undefined) signal(request, code);
          else signal(request, code, ...before, data.buffer);
        };
        if (this.stopped) {
          answer(-ENOTCONN);
          return;
        }
        operation(request, data)
          .catch((error: unknown) => this.failed(name, error))
          .then(answer)
          .catch((error: unknown) => debug("%s could not be answered: %O", name, error));
        if (name === "init") this.ready.resolve();
      };
    }
    return { handlers, implemented };
  }

  private failed(name: string, error: unknown): number {
    if (error instanceof SysError) return -error.errno;
    debug("%s failed, %s is answered: %O", name, errnoName(EIO), error);
    return -EIO;
  }

  /**
   * The function that answers a request. Operations whose result libfuse's caller does not wait for in an argument share
   * that of access, which only passes on the code: what they answer has been written where it belongs (see request.ts).
   */
  private signal(name: string): (request: Request, code: number, ...rest: unknown[]) => void {
    return this.binding[`fuse_native_signal_${name}`] as (
      request: Request,
      code: number,
      ...rest: unknown[]
    ) => void;
  }
}

/**
 * A second descriptor of libfuse's device, by which its end is seen. libfuse lets processes that are started inherit its
 * own, and they would keep the mount alive after this one's death.
 */
function ownDevice(fd: number | undefined): number {
  if (fd === undefined) throw new MountError(EIO, "libfuse has mounted without a descriptor of /dev/fuse");
  check(fcntl(fd, F_SETFD, FD_CLOEXEC), "fcntl", "/dev/fuse");
  return check(fcntl(fd, F_DUPFD_CLOEXEC, 0), "fcntl", "/dev/fuse");
}

/** Descriptors of /dev/fuse in this process. */
function devices(): number[] {
  return readdirSync("/proc/self/fd")
    .map(Number)
    .filter((fd) => linkOf(fd) === "/dev/fuse");
}

function linkOf(fd: number): string | undefined {
  try {
    return readlinkSync(`/proc/self/fd/${fd}`);
  } catch {
    // It was the one by which the directory was read.
    return undefined;
  }
}
