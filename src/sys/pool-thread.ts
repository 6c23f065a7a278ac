import { getPriority } from "node:os";
import { type MessagePort, workerData } from "node:worker_threads";
import { runAnywhere } from "./affinity.js";
import { fault } from "./fault.js";
import { cFunction, retry } from "./ffi.js";
import { allocate, close, copyRange, dataSync, sync, syncFs } from "./file.js";
import { signalEventFd } from "./poll.js";
import type { PoolOperation, PoolReply, PoolRequest } from "./pool.js";
import { setNice } from "./priority.js";

// Memory is passed by address here: it belongs to another thread, which leaves it alone until the reply.
const cPread = cFunction("int64_t pread(int, uintptr_t, size_t, int64_t)");
const cPwrite = cFunction("int64_t pwrite(int, uintptr_t, size_t, int64_t)");
const cWrite = cFunction("int64_t write(int, uintptr_t, size_t)");

type Call = (...args: readonly number[]) => number;
const calls: Readonly<Record<PoolOperation, Call>> = {
  pread: (fd, address, length, offset) =>
    fault("pread") || retry(() => cPread(fd!, address!, length!, offset!)),
  pwrite: (fd, address, length, offset) =>
    fault("pwrite") || retry(() => cPwrite(fd!, address!, length!, offset!)),
  write: (fd, address, length) => fault("pwrite") || retry(() => cWrite(fd!, address!, length!)),
  fsync: (fd) => sync(fd!),
  fdatasync: (fd) => dataSync(fd!),
  syncfs: (fd) => syncFs(fd!),
  copyRange: (from, fromOffset, to, toOffset, length) =>
    copyRange(from!, fromOffset!, to!, toOffset!, length!),
  close: (fd) => close(fd!),
  fallocate: (fd, mode, offset, length) => allocate(fd!, mode!, offset!, length!),
};

// The thread that has started this one may be bound to a processor, and go before all others; only its own callers wait here.
runAnywhere();
setNice(getPriority(process.pid));

const { port, wakeFd } = workerData as { port: MessagePort; wakeFd: number };
port.on("message", (request: PoolRequest) => {
  const value = calls[request.operation](...request.args);
  port.postMessage({ id: request.id, value } satisfies PoolReply);
  if (wakeFd >= 0) signalEventFd(wakeFd);
});
