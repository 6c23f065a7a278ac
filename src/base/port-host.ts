import type { MessagePort } from "node:worker_threads";

/**
 * A thread that takes messages from ports. The session thread sits in a loop of blocking system calls and never
 * returns to Node's event loop, so ports are read by whoever runs the loop, and senders wake it through an eventfd.
 */
export interface PortHost {
  /** Hands every message that arrives at port to onMessage, in order. */
  attach(port: MessagePort, onMessage: (message: unknown) => void): void;
  /** The eventfd that a sender in another thread signals after postMessage; -1 when messages wake this thread by themselves. */
  readonly wakeFd: number;
}

/** For threads that run Node's event loop. */
export class EventLoopHost implements PortHost {
  readonly wakeFd = -1;

  attach(port: MessagePort, onMessage: (message: unknown) => void): void {
    port.on("message", onMessage);
  }
}
