import { log } from "../base/log.js";
import { sendDatagram } from "../sys/datagram.js";
import { errnoName } from "../sys/errno.js";

const trace = log("daemon");

/**
 * Tells the service manager, when there is one (sd_notify(3)).
 * @param state assignments, one a line, such as `READY=1`
 */
export function notifyManager(state: string): void {
  const socket = process.env["NOTIFY_SOCKET"];
  if (!socket) return;
  const sent = sendDatagram(socket, state);
  if (sent < 0) trace("notification to %s failed: %s", socket, errnoName(-sent));
}

/** Where syslog(3) sends its messages. */
const SYSLOG_SOCKET = "/dev/log";
/** LOG_DAEMON | LOG_WARNING (sys/syslog.h). */
const PRIORITY = (3 << 3) | 4;

let standardErrorIsGone = false;

/** From now on messages go to the system log: the terminal that started this daemon has been given back. */
export function useSystemLog(): void {
  standardErrorIsGone = true;
}

/** Says what an administrator should know, on stderr or, in the background, in the system log. */
export function warn(message: string): void {
  if (standardErrorIsGone) {
    const sent = sendDatagram(SYSLOG_SOCKET, `<${PRIORITY}>snapmount[${process.pid}]: ${message}`);
    if (sent < 0) trace("system log: %s; message was: %s", errnoName(-sent), message);
    return;
  }
  process.stderr.write(`snapmount: ${message}\n`);
}
