import { type ChildProcess, execFileSync, spawn, spawnSync } from "node:child_process";
import { chownSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { createInterface } from "node:readline";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";

const ARTEFACTS = fileURLToPath(new URL("../../../artefacts/desktop/", import.meta.url));
/** What a person would wait for, in milliseconds. */
const PATIENCE_MS = 15_000;
const POLL_MS = 100;
const AGAIN_MS = 2500;
const SCREEN = "1000x700x24";
const LIMIT_MS = 20_000;

/** A screen without a monitor and an ordinary user in front of it, who has a keyboard and eyes for window titles. */
export class Desktop {
  readonly #directory: string;
  readonly #children: ChildProcess[] = [];
  readonly #environment: NodeJS.ProcessEnv;
  #shots = 0;

  private constructor(
    directory: string,
    private readonly uid: number,
    private readonly name: string,
    environment: NodeJS.ProcessEnv,
  ) {
    this.#directory = directory;
    this.#environment = environment;
  }

  /**
   * @param uid of the user, and of his group
   * @param name under which screenshots are kept
   */
  static async start(uid: number, name: string): Promise<Desktop> {
    const directory = mkdtempSync(join(tmpdir(), "snapmount-desktop-"));
    const home = join(directory, "home");
    mkdirSync(join(home, ".config"), { recursive: true });
    mkdirSync(join(home, "run"), { mode: 0o700 });
    for (const path of [directory, home, join(home, ".config"), join(home, "run")]) chownSync(path, uid, uid);
    mkdirSync(ARTEFACTS, { recursive: true });
    const desktop = new Desktop(directory, uid, name, {
      PATH: process.env["PATH"],
      HOME: home,
      XDG_RUNTIME_DIR: join(home, "run"),
      XDG_CONFIG_HOME: join(home, ".config"),
      LC_ALL: "C.UTF-8",
      // Nobody needs the screen read out, and no other file system is to be offered.
      NO_AT_BRIDGE: "1",
      GIO_USE_VFS: "local",
    });
    try {
      const screen = ["-displayfd", "1", "-screen", "0", SCREEN, "-nolisten", "tcp", "-ac"];
      desktop.#environment["DISPLAY"] = `:${await desktop.#firstLine("Xvfb", screen)}`;
      const bus = await desktop.#firstLine("dbus-daemon", ["--session", "--nofork", "--print-address"]);
      desktop.#environment["DBUS_SESSION_BUS_ADDRESS"] = bus;
    } catch (error) {
      await desktop.close();
      throw error;
    }
    return desktop;
  }

  async #firstLine(program: string, args: readonly string[]): Promise<string> {
    const child = this.open(program, ...args);
    const lines = createInterface(child.stdout!)[Symbol.asyncIterator]();
    const { value, done } = await lines.next();
    if (done === true) throw new Error(`${program} said nothing and ended`);
    return value;
  }

  /** @returns a new file in the user's home */
  file(name: string, content: string): string {
    const path = join(this.#environment["HOME"]!, name);
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, content);
    return path;
  }

  /** Starts a program as the user. */
  open(program: string, ...args: string[]): ChildProcess {
    const child = spawn(program, args, {
      uid: this.uid,
      gid: this.uid,
      cwd: "/",
      env: this.#environment,
      stdio: ["ignore", "pipe", "ignore"],
    });
    child.on("error", (error) => console.error(`${program}: ${error.message}`));
    this.#children.push(child);
    return child;
  }

  /** Runs a program as the user to its end. @returns what it printed, its errors too */
  run(program: string, ...args: string[]): { readonly status: number | null; readonly output: string } {
    const { status, stdout, stderr } = spawnSync(program, args, {
      uid: this.uid,
      gid: this.uid,
      cwd: "/",
      env: this.#environment,
      encoding: "utf8",
      timeout: LIMIT_MS,
    });
    return { status, output: stdout + stderr };
  }

  /** @returns the titles of the windows that are seen */
  titles(): string[] {
    const { output } = this.run("xdotool", "search", "--onlyvisible", "--name", ".+");
    return output
      .split("\n")
      .filter((id) => /^\d+$/.test(id))
      .map((id) => this.run("xdotool", "getwindowname", id).output.trimEnd());
  }

  #find(title: string): string | undefined {
    const { output } = this.run("xdotool", "search", "--onlyvisible", "--name", title);
    return output.split("\n").find((id) => /^\d+$/.test(id));
  }

  /** Whether a window is seen. @param title regular expression of xdotool (POSIX extended) */
  sees(title: string): boolean {
    return this.#find(title) !== undefined;
  }

  /** Waits for a window. */
  async window(title: string): Promise<void> {
    await this.until(() => this.sees(title), `a window called ${title}`);
  }

  /** Presses keys in a window, and nothing when there is none. @param keys as xdotool calls them, such as ctrl+v */
  press(title: string, ...keys: string[]): void {
    this.#send(title, "key", ...keys);
  }

  /** Types a text in a window. */
  type(title: string, text: string): void {
    this.#send(title, "type", "--delay", "20", text);
  }

  #send(title: string, ...command: string[]): void {
    const id = this.#find(title);
    if (id !== undefined) this.run("xdotool", "windowraise", id, "windowfocus", id, ...command);
  }

  /** Waits until something is so. */
  async until(condition: () => boolean, what: string, patience = PATIENCE_MS): Promise<void> {
    for (const end = Date.now() + patience; !condition(); await sleep(POLL_MS)) {
      if (Date.now() < end) continue;
      const shot = this.screenshot("failed");
      throw new Error(`waited in vain for ${what}; windows: ${JSON.stringify(this.titles())}; see ${shot}`);
    }
  }

  /** Does something, again when nothing comes of it: a window that was just opened takes no keys for a moment. */
  async repeat(action: () => void, condition: () => boolean, what: string): Promise<void> {
    for (const end = Date.now() + PATIENCE_MS; Date.now() < end; ) {
      action();
      for (const soon = Date.now() + AGAIN_MS; Date.now() < soon; await sleep(POLL_MS))
        if (condition()) return;
    }
    await this.until(condition, what, 0);
  }

  /** Presses keys in a window until another one comes. */
  async summon(title: string, keys: string | readonly string[], wanted: string): Promise<void> {
    const what = `${keys} in ${title} to open ${wanted}`;
    await this.repeat(
      () => this.press(title, ...[keys].flat()),
      () => this.sees(wanted),
      what,
    );
  }

  /** Keeps what is on the screen. @returns path of the picture */
  screenshot(what: string): string {
    const path = join(ARTEFACTS, `${this.name}-${++this.#shots}-${what}.png`);
    const seen = join(this.#directory, "home", "shot.png");
    this.run("scrot", "-o", seen);
    execFileSync("cp", [seen, path]);
    return path;
  }

  /** Ends all that was started, and leaves nothing but the pictures. */
  async close(): Promise<void> {
    for (const child of this.#children.reverse()) {
      if (child.exitCode !== null || child.signalCode !== null || child.pid === undefined) continue;
      const ended = new Promise((resolve) => child.once("exit", resolve));
      child.kill("SIGTERM");
      const patience = new AbortController();
      const late = sleep(3000, undefined, { signal: patience.signal }).then(
        () => child.kill("SIGKILL"),
        () => false,
      );
      await Promise.race([ended, late]);
      patience.abort();
    }
    rmSync(this.#directory, { recursive: true, force: true });
  }
}
