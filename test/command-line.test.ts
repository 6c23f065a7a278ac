import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { describe, it } from "node:test";
import { fileURLToPath } from "node:url";
import { complete } from "../src/cli/completion.js";
import { EXIT, EXIT_HELP } from "../src/cli/exit-codes.js";
import { manualPage } from "../src/cli/manual.js";
import { oneLine, table } from "../src/cli/output.js";
import { createProgram } from "../src/cli/program.js";

const program = createProgram(() => undefined);
const commands = program.commands.filter((command) => !command.name().startsWith("_"));
const readme = readFileSync(fileURLToPath(new URL("../../README.md", import.meta.url)), "utf8");

describe("the documentation of commands", () => {
  it("has each command, with its summary, in the README", () => {
    assert.ok(commands.length > 20);
    for (const command of commands) {
      const synopsis = `${command.name()} ${command.usage()}`
        .replace(" [options]", "")
        .replaceAll(/[<>]/g, "");
      const line = readme.split("\n").find((candidate) => candidate.startsWith(`    ${synopsis}  `));
      assert.ok(line?.endsWith(`  ${command.summary()}`), `README: ${synopsis}  ${command.summary()}`);
    }
  });

  it("has one table of exit codes, in the README and in the help", () => {
    const lines = EXIT_HELP.split("\n").slice(1);
    assert.deepEqual(
      lines.map((line) => Number.parseInt(line, 10)),
      Object.values(EXIT).sort((a, b) => a - b),
    );
    for (const line of lines) {
      const row = line.replace(/^ *(\d+) +(.*)$/, "| $1 | $2 |");
      assert.ok(readme.includes(`\n${row}\n`), `README: ${row}`);
    }
  });

  it("has each command and option in the manual page, which has no stray requests", () => {
    const page = manualPage(program, "1.2.3");
    for (const command of commands) {
      assert.ok(page.includes(`.SS "${command.name()}"`), command.name());
      for (const { long, hidden } of command.options) {
        if (!hidden)
          assert.ok(page.includes((long ?? "").replaceAll("-", "\\-")), `${command.name()} ${long}`);
      }
    }
    const requests = /^\.(TH|SH|SS|TP|PP|B|BR|I|br|nf|fi)\b/;
    for (const line of page.split("\n")) if (/^[.']/.test(line)) assert.match(line, requests);
  });
});

describe("completion", () => {
  const words = (...line: string[]): readonly string[] => complete(program, line).words;

  it("offers commands, and directories for a store to mount", () => {
    assert.deepEqual(words("re"), ["rename", "release"]);
    assert.equal(complete(program, [""]).files, "directories");
    assert.equal(complete(program, ["./store", ""]).files, "directories");
  });

  it("offers the options of a command, and their values", () => {
    assert.deepEqual(words("ls", "--s"), ["--sort"]);
    assert.deepEqual(words("ls", "store", "--sort", "c"), ["created"]);
    assert.deepEqual(words("ls", "-k", ""), ["active", "committed", "views"]);
    assert.deepEqual(words("completion", ""), ["bash", "zsh", "fish"]);
    assert.deepEqual(words("--dri"), ["--driver"]);
    assert.equal(complete(program, ["export", "store", "active/x", "-o", ""]).files, "all");
  });

  it("offers nothing, and says nothing, where there is no store", () => {
    assert.deepEqual(complete(program, ["info", "/nonexistent/store", ""]), { words: [], files: "none" });
  });
});

describe("tables", () => {
  it("are aligned, and nothing in them can break a line or reach the terminal", () => {
    const text = table(
      [{ title: "NAME" }, { title: "SIZE", right: true }],
      [
        ["a", "10 B"],
        ["long name", "1 B"],
        ["日本", "2 B"],
      ],
    );
    assert.deepEqual(text.split("\n"), [
      "NAME       SIZE",
      "a          10 B",
      "long name   1 B",
      "日本        2 B",
      "",
    ]);
    assert.equal(oneLine("a\n\x1b[31mb\x85"), "a\\x0A\\x1B[31mb\\x85");
  });
});
