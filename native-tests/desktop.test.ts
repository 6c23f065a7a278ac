import assert from "node:assert/strict";
import { existsSync, readdirSync, readFileSync, readlinkSync, statSync } from "node:fs";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { Arena } from "./support/arena.js";
import { Desktop } from "./support/desktop.js";

const USER = 1000;
/** Reading a directory takes a program a moment, of which nothing tells the end. In milliseconds. */
const LOOKS_MS = 700;

/** What differs between the programs: titles of their windows. */
interface Program {
  readonly command: string;
  /** Options with which a directory gets a window of its own. */
  readonly options: readonly string[];
  /** @returns title of the window that shows a directory */
  readonly shows: (directory: string) => string;
  readonly makeFolder: string;
  readonly rename: string;
  readonly deletes: string;
}

const PROGRAMS: readonly Program[] = [
  {
    command: "thunar",
    options: [],
    shows: (directory) => `^${directory} - Thunar$`,
    makeFolder: "^Create New Folder$",
    rename: "^Rename ",
    deletes: "^(Attention|Warning|Question|Thunar|thunar)$",
  },
  {
    command: "pcmanfm",
    options: ["--new-win"],
    shows: (directory) => `^${directory}$`,
    makeFolder: "^Creating New Folder$",
    rename: "^Rename",
    deletes: "^Confirm",
  },
];

for (const program of PROGRAMS) {
  describe(`on the desktop, by ${program.command}`, () => {
    let arena: Arena;
    let desktop: Desktop;
    before(async () => {
      arena = new Arena();
      arena.sh("chmod 1777 active committed; mkdir active/base; echo hello > active/base/letter.txt");
      arena.sh(`chown -R ${USER}:${USER} active/base; mv active/base committed/`);
      desktop = await Desktop.start(USER, program.command);
      desktop.open(program.command, ...program.options, join(arena.mnt, "active"));
      await desktop.window(active);
    });
    after(async () => {
      await desktop?.close();
      arena.close();
    });

    const active = program.shows("active");
    const here = (path: string): boolean => existsSync(join(arena.mnt, path));

    it("makes a folder and prepares by renaming it", async () => {
      await desktop.summon(active, "ctrl+shift+n", program.makeFolder);
      desktop.screenshot("new-folder");
      desktop.press(program.makeFolder, "Return");
      await desktop.until(() => readdirSync(join(arena.mnt, "active")).length === 1, "a folder");
      const [made] = readdirSync(join(arena.mnt, "active"));
      assert.equal(statSync(join(arena.mnt, "active", made!)).uid, USER);
      await rename("web@base");
      await desktop.until(() => here("active/web/letter.txt"), "the copy");
      assert.deepEqual(names("active"), ["web"]);
      assert.equal(readFileSync(join(arena.mnt, "active/web/letter.txt"), "utf8"), "hello\n");
      await select(active);
      desktop.screenshot("prepared");
    });

    it("opens it, and copies into it", async () => {
      const source = desktop.file("desk/note.txt", "from the desk\n");
      desktop.open(program.command, ...program.options, join(source, ".."));
      const desk = program.shows("desk");
      await desktop.window(desk);
      await select(desk);
      desktop.press(desk, "ctrl+c");
      await desktop.summon(active, ["Home", "Return"], program.shows("web"));
      await desktop.repeat(
        () => desktop.press(program.shows("web"), "ctrl+v"),
        () => here("active/web/note.txt"),
        "the note",
      );
      desktop.screenshot("copied-into");
      assert.deepEqual(names("active/web"), ["letter.txt", "note.txt"]);
    });

    it("renames it, and commits it by cut and paste", async () => {
      await desktop.summon(program.shows("web"), "alt+Up", active);
      await rename("shop");
      await desktop.until(() => here("active/shop"), "the new name");
      await select(active);
      desktop.press(active, "ctrl+x");
      desktop.open(program.command, ...program.options, join(arena.mnt, "committed"));
      const committed = program.shows("committed");
      await desktop.window(committed);
      await desktop.repeat(
        () => desktop.press(committed, "ctrl+v"),
        () => here("committed/shop"),
        "the commit",
      );
      desktop.screenshot("committed");
      assert.deepEqual(names("active"), []);
      assert.equal(readFileSync(join(arena.mnt, "committed/shop/note.txt"), "utf8"), "from the desk\n");
      assert.match(readlinkSync(join(arena.mnt, "info/committed/shop/parent")), /committed\/base$/);
    });

    it("pastes copies of committed ones, and deletes them without any trash", async () => {
      const committed = program.shows("committed");
      await select(committed);
      desktop.press(committed, "ctrl+c");
      await desktop.repeat(
        () => desktop.press(active, "ctrl+v"),
        () => names("active").length > 0,
        "the copies",
      );
      await desktop.until(
        () => here("active/shop/note.txt") && here("active/base/letter.txt"),
        "their files",
      );
      await select(active);
      desktop.screenshot("pasted");
      await desktop.summon(active, ["ctrl+a", "Delete"], program.deletes);
      desktop.screenshot("delete");
      desktop.press(program.deletes, "Return");
      // PCManFM asks once more: it offers its trash before it knows that there is none here.
      await desktop.repeat(
        () => {
          desktop.screenshot("deleting");
          if (desktop.sees(program.deletes)) desktop.press(program.deletes, "Return");
          else desktop.press(active, "ctrl+a", "Delete");
        },
        () => names("active").length === 0,
        "nothing to be left",
      );
      desktop.screenshot("deleted");
      assert.deepEqual(names("committed"), ["base", "shop"]);
    });

    it("leaves nothing hidden anywhere", () => {
      const hidden = arena.sh(`find . "$(dirname '${arena.store}')" -name '.*' ! -name . -print`);
      assert.equal(hidden, "");
      assert.deepEqual(names(""), ["README", "active", "committed", "info", "views"]);
      assert.equal(desktop.run("sh", "-c", "ls ~/.local/share/Trash/files 2>/dev/null").output, "");
    });

    const names = (path: string): string[] => readdirSync(join(arena.mnt, path)).sort();

    /** Selects all that a window shows, when it has looked anew. */
    async function select(window: string): Promise<void> {
      await desktop.window(window);
      desktop.press(window, "F5");
      await sleep(LOOKS_MS);
      desktop.press(window, "Escape", "ctrl+a");
    }

    async function rename(name: string): Promise<void> {
      await desktop.summon(active, ["ctrl+a", "F2"], program.rename);
      desktop.press(program.rename, "ctrl+a");
      desktop.type(program.rename, name);
      desktop.screenshot("rename");
      desktop.press(program.rename, "Return");
    }
  });
}

describe("on the desktop, by GLib", () => {
  let arena: Arena;
  let desktop: Desktop;
  before(async () => {
    arena = new Arena();
    arena.sh("chmod 1777 active committed; mkdir active/base; echo hello > active/base/letter.txt");
    arena.sh(`chown -R ${USER}:${USER} active/base; mv active/base committed/; mkdir active/web@base`);
    desktop = await Desktop.start(USER, "glib");
  });
  after(async () => {
    await desktop?.close();
    arena.close();
  });

  const gio = (command: string, path: string, ...options: string[]): string =>
    desktop.run("gio", command, ...options, join(arena.mnt, path)).output;

  it("says that there is no trash, for entries and what is in them", () => {
    for (const path of [
      "active/web",
      "active/web/letter.txt",
      "committed/base",
      "committed/base/letter.txt",
    ]) {
      assert.match(gio("info", path, "-a", "access::can-trash"), /access::can-trash: FALSE/, path);
      assert.match(gio("trash", path), /not supported|Unable to find or create trash/, path);
    }
    assert.equal(arena.sh("find . -name '.*' ! -name ."), "");
    assert.equal(arena.sh("cat active/web/letter.txt"), "hello\n");
  });

  it("removes a snapshot with one rmdir(2), a committed one too", () => {
    assert.match(gio("remove", "committed/base"), /busy/);
    assert.match(gio("remove", "active/web"), /not empty/);
    arena.sh("rm -r active/web");
    assert.equal(gio("remove", "committed/base"), "");
    assert.equal(arena.sh("ls committed"), "");
  });
});
