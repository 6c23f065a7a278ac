/** A mount that is being served, by whatever driver, seen from the main thread. */
export interface Session {
  /** Resolves when it begins to answer. */
  readonly started: Promise<void>;
  /** Resolves when the mount has gone; rejects with Failure when it ends in any other way. */
  readonly ended: Promise<void>;
  /** Ends the session although the mount is still there; its users get ENOTCONN from then on. */
  stop(): void;
}
