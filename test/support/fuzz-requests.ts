import { Op } from "../../src/fuse/protocol.js";
import type { Random } from "./random.js";
import { pack, request } from "./wire.js";

/** What the kernel would know: nodes with how often they were looked up, and open files. */
export interface Known {
  readonly nodes: ReadonlyMap<bigint, number>;
  readonly handles: readonly { readonly node: bigint; readonly handle: bigint }[];
}

const OPCODES = Object.values(Op).filter((opcode) => opcode !== Op.INIT && opcode !== Op.DESTROY);
const NAMES = ["a", "b", "c", "dir", "web", "web@base", "base", "x".repeat(255), "\xff\x80\xfe"];
const ODD_NAMES = [
  "",
  ".",
  "..",
  "a/b",
  "/",
  "y".repeat(256),
  "z".repeat(5000),
  ".hidden",
  "@",
  "%",
  "a@b@c",
];
const ODD_NUMBERS = [
  0n,
  1n,
  2n ** 31n,
  2n ** 32n,
  2n ** 40n,
  2n ** 53n,
  2n ** 53n + 1n,
  2n ** 63n,
  2n ** 64n - 1n,
];
const XATTRS = [
  "user.a",
  "user.b",
  "system.posix_acl_access",
  "trusted.x",
  "security.capability",
  "",
  "nonsense",
];
const CONTROL = 2n ** 40n;
/** A file of the tests gets no larger, by request or by offset. */
const MOST_BYTES = 65_536;

/** Makes requests: most of them sensible, some mutated. */
export class RequestMaker {
  private unique = 2n;

  constructor(
    private readonly random: Random,
    private readonly known: Known,
  ) {}

  next(): Buffer {
    const { random } = this;
    const opcode = random.chance(0.01) ? random.below(2 ** 32) : random.pick(OPCODES);
    const { node, handle } = this.place(opcode);
    this.unique += 2n;
    const header = { opcode, node, unique: this.unique, uid: random.pick([0, 0, 1000]), gid: 0, pid: 1 };
    const bytes = request(header, this.body(opcode, handle));
    return random.chance(0.3) ? this.mutate(bytes) : bytes;
  }

  private place(opcode: number): { node: bigint; handle: bigint } {
    const { random, known } = this;
    const uses = [Op.READ, Op.WRITE, Op.RELEASE, Op.FSYNC, Op.FALLOCATE, Op.LSEEK, Op.COPY_FILE_RANGE];
    if (uses.some((use) => use === opcode) && known.handles.length > 0 && random.chance(0.9))
      return random.pick(known.handles);
    return { node: this.node(), handle: this.number() };
  }

  private node(): bigint {
    const { random } = this;
    if (random.chance(0.05)) return random.pick(ODD_NUMBERS);
    if (random.chance(0.1)) return CONTROL + BigInt(random.below(300));
    const nodes = [...this.known.nodes.keys()];
    return nodes.length === 0 ? 1n : random.pick(nodes);
  }

  private number(): bigint {
    const { random } = this;
    return random.chance(0.1) ? random.pick(ODD_NUMBERS) : BigInt(random.below(8));
  }

  private offset(): bigint {
    const { random } = this;
    return random.chance(0.1) ? random.pick(ODD_NUMBERS) : BigInt(random.below(MOST_BYTES));
  }

  private size(): number {
    const { random } = this;
    return random.chance(0.1) ? random.pick([0, 2 ** 20, 2 ** 32 - 1]) : random.below(4096);
  }

  private name(): string {
    return this.random.pick(this.random.chance(0.1) ? ODD_NAMES : NAMES);
  }

  /** Flips bytes, cuts, lengthens, or lies about the length. */
  private mutate(bytes: Buffer): Buffer {
    const { random } = this;
    switch (random.below(4)) {
      case 0: {
        const flipped = Buffer.from(bytes);
        for (let i = random.below(4); i >= 0; i--) flipped[random.below(bytes.length)] = random.below(256);
        return flipped;
      }
      case 1: {
        const cut = Buffer.from(bytes.subarray(0, random.below(bytes.length + 1)));
        if (cut.length >= 4 && random.chance(0.9)) cut.writeUInt32LE(cut.length, 0);
        return cut;
      }
      case 2: {
        const long = Buffer.concat([bytes, Buffer.alloc(random.below(300), random.below(256))]);
        if (random.chance(0.9)) long.writeUInt32LE(long.length, 0);
        return long;
      }
      default: {
        const lie = Buffer.from(bytes);
        lie.writeUInt32LE(random.below(2 ** 32), 0);
        return lie;
      }
    }
  }

  private body(opcode: number, handle: bigint): Buffer {
    const { random } = this;
    const mode = random.pick([0o100644, 0o100600, 0o040755, 0o010644, 0o120777, 0o060600, 0xffff]);
    switch (opcode) {
      case Op.LOOKUP:
      case Op.UNLINK:
      case Op.RMDIR:
        return pack("s", this.name());
      case Op.FORGET:
        return pack("Q", random.below(3));
      case Op.BATCH_FORGET:
        return pack(
          "IIQQQQ",
          random.pick([0, 1, 2, 3, 2 ** 32 - 1]),
          0,
          this.node(),
          1,
          this.node(),
          this.number(),
        );
      case Op.GETATTR:
        return pack("IIQ", random.below(2), 0, handle);
      case Op.SETATTR:
        return this.setattr(handle);
      case Op.SYMLINK:
        return pack("ss", this.name(), random.pick(["target", "t".repeat(4095), "t".repeat(4096), ""]));
      case Op.MKNOD:
        return pack("IIIIs", mode, random.below(2 ** 32), 0o022, 0, this.name());
      case Op.MKDIR:
        return pack("IIs", 0o755, 0o022, this.name());
      case Op.RENAME:
        return pack("Qss", this.node(), this.name(), this.name());
      case Op.RENAME2:
        return pack("QIIss", this.node(), random.below(8), 0, this.name(), this.name());
      case Op.LINK:
        return pack("Qs", this.node(), this.name());
      case Op.OPEN:
      case Op.OPENDIR:
        return pack("II", random.pick([0, 1, 2, 0o1000, 0o2001, 0o10000000, 2 ** 32 - 1]), random.below(2));
      case Op.CREATE:
        return pack(
          "IIIIs",
          random.pick([0o101, 0o102, 0o302, 0o1102]),
          mode,
          0o022,
          random.below(2),
          this.name(),
        );
      case Op.TMPFILE:
        return pack("IIIIs", 0o20200002, mode, 0o022, 0, "");
      case Op.WRITE: {
        const data = Buffer.alloc(random.below(300), 0x77);
        const size = random.chance(0.95) ? data.length : this.size();
        return Buffer.concat([pack("QQIIQII", handle, this.offset(), size, random.below(8), 0, 1, 0), data]);
      }
      case Op.READ:
      case Op.READDIR:
      case Op.READDIRPLUS:
        return pack("QQIIQII", handle, this.offset(), this.size(), 0, 0, 0, 0);
      case Op.SETXATTR:
        return Buffer.concat([
          pack("IIIIs", random.below(20), random.below(4), 0, 0, random.pick(XATTRS)),
          Buffer.alloc(20),
        ]);
      case Op.GETXATTR:
        return pack("IIs", this.size(), 0, random.pick(XATTRS));
      case Op.LISTXATTR:
        return pack("II", this.size(), 0);
      case Op.REMOVEXATTR:
        return pack("s", random.pick(XATTRS));
      case Op.RELEASE:
      case Op.FSYNC:
      case Op.FSYNCDIR:
      case Op.INTERRUPT:
        return pack("QIIQ", handle, random.below(2), 0, 0);
      case Op.FALLOCATE:
        return pack("QQQII", handle, this.offset(), this.offset(), random.below(128), 0);
      case Op.LSEEK:
        return pack("QQII", handle, this.offset(), random.below(6), 0);
      case Op.COPY_FILE_RANGE:
      case Op.COPY_FILE_RANGE_64:
        return pack(
          "QQQQQQQ",
          handle,
          this.offset(),
          this.node(),
          this.number(),
          this.offset(),
          this.offset(),
          0,
        );
      case Op.STATX:
        return pack("IIQII", 0, 0, handle, 0, 0xfff);
      default:
        return Buffer.alloc(random.below(64), random.below(256));
    }
  }

  private setattr(handle: bigint): Buffer {
    const { random } = this;
    const valid = random.below(2 ** 12);
    const size = BigInt(random.below(MOST_BYTES));
    const times = [random.below(2 ** 31), -random.below(100), 0];
    const nanoseconds = [random.below(2 ** 30), random.below(2 ** 30), 0];
    const rest = [random.below(0o10000), 0, random.pick([0, 1000]), 0, 0];
    return pack("IIQQQqqqIIIIIIII", valid, 0, handle, size, 0, ...times, ...nanoseconds, ...rest);
  }
}
