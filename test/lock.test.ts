import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { isRunning } from "../src/store/lock.js";

/** Its first thread ends, another one stays. */
const LEADERLESS = `
import ctypes, threading, time
threading.Thread(target=time.sleep, args=(60,)).start()
ctypes.CDLL(None).pthread_exit(None)`;

test("a process runs until its last thread has ended", async () => {
  const child = spawn("/usr/bin/python3", ["-c", LEADERLESS], { stdio: "ignore" });
  const exited = once(child, "exit");
  const pid = child.pid!;
  try {
    while (!/^State:\s+Z/m.test(readFileSync(`/proc/${pid}/status`, "utf8"))) await sleep(10);
    assert.equal(isRunning(pid), true);
  } finally {
    child.kill("SIGKILL");
  }
  await exited;
  assert.equal(isRunning(pid), false);
});
