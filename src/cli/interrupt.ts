import { Failure } from "../daemon/failure.js";

/**
 * Runs work that SIGINT and SIGTERM cancel; a second one ends the process at once.
 * @param work leaves nothing half-done when the signal aborts it
 * @throws Failure of kind interrupted when it was cancelled, whatever work has thrown then
 */
export async function interruptible<T>(work: (signal: AbortSignal) => Promise<T>): Promise<T> {
  const controller = new AbortController();
  const interrupt = (): void => {
    if (controller.signal.aborted) process.exit(130);
    controller.abort(interrupted());
  };
  process.on("SIGINT", interrupt).on("SIGTERM", interrupt);
  try {
    return await work(controller.signal);
  } catch (error) {
    if (controller.signal.aborted) throw interrupted();
    throw error;
  } finally {
    process.off("SIGINT", interrupt).off("SIGTERM", interrupt);
  }
}

function interrupted(): Failure {
  return new Failure("interrupted", "interrupted; nothing of it is left");
}
