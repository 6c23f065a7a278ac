import type { MessagePort } from "node:worker_threads";
import { assert } from "../base/assert.js";
import type { PortHost } from "../base/port-host.js";

/**
 * Stands for a session that is yet to be made: the session needs its file system, and that in turn needs
 * the session's thread to take its messages. Ports wait here until `bind`.
 */
export class DeferredHost implements PortHost {
  private host: PortHost | undefined;
  private readonly waiting: { port: MessagePort; onMessage: (message: unknown) => void }[] = [];

  get wakeFd(): number {
    assert(this.host, "the session exists before anything wakes it");
    return this.host.wakeFd;
  }

  attach(port: MessagePort, onMessage: (message: unknown) => void): void {
    if (this.host) this.host.attach(port, onMessage);
    else this.waiting.push({ port, onMessage });
  }

  /** Hands over everything that was attached. */
  bind(host: PortHost): void {
    this.host = host;
    for (const { port, onMessage } of this.waiting.splice(0)) host.attach(port, onMessage);
  }
}
