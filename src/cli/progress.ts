import { SingleBar } from "cli-progress";
import { humanSize } from "./output.js";

/** What lasts less than this shows no bar, in milliseconds. */
const QUIET_MS = 1000;

/** A progress bar on standard error, for what lasts longer than a second, and on a terminal only. */
export class Progress {
  private readonly since = Date.now();
  private bar: SingleBar | undefined;

  /**
   * @param title what is going on
   * @param unit of the numbers: bytes are shown as such
   */
  constructor(
    private readonly title: string,
    private readonly unit: "B" | "%" | "entries",
  ) {}

  /** @param total undefined while it is not known */
  update(done: number, total: number | undefined): void {
    if (!process.stderr.isTTY || Date.now() - this.since < QUIET_MS) return;
    this.bar ??= this.start(total);
    if (total !== undefined) this.bar.setTotal(total);
    this.bar.update(done);
  }

  /** Takes the bar away again; to be called however it ends. */
  stop(): void {
    this.bar?.stop();
    this.bar = undefined;
  }

  private start(total: number | undefined): SingleBar {
    const { title, unit } = this;
    const amount = (value: number): string =>
      unit === "B" ? humanSize(value) : unit === "%" ? `${value}%` : `${value} entries`;
    const bar = new SingleBar({
      clearOnComplete: true,
      hideCursor: true,
      stream: process.stderr,
      noTTYOutput: false,
      // Leaves Ctrl-C to us.
      gracefulExit: false,
      format: (_options, parameters) => {
        if (total === undefined) return `${title}  ${amount(parameters.value)}`;
        const full = Math.round(parameters.progress * 30);
        const drawn = `${"█".repeat(full)}${"░".repeat(30 - full)}`;
        const of = unit === "B" ? ` of ${amount(parameters.total)}` : "";
        return `${title} ${drawn} ${amount(parameters.value)}${of}`;
      },
    });
    bar.start(total ?? 0, 0);
    return bar;
  }
}
