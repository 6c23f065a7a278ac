import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdirSync, symlinkSync } from "node:fs";
import { after, before, describe, it } from "node:test";
import { CommandLine } from "./support/command-line.js";

describe("completion", () => {
  const cli = new CommandLine();
  before(() => {
    mkdirSync(cli.path("bin"));
    symlinkSync(cli.program, cli.path("bin/snapmount"));
    mkdirSync(cli.path("plain"));
    for (const store of ["plain", "store"]) {
      if (store === "store") assert.equal(cli.run("store", "mnt").status, 0);
      for (const args of [
        ["prepare", store, "base"],
        ["prepare", store, "web"],
        ["prepare", store, "two words"],
        ["commit", store, "active/base"],
      ])
        assert.equal(cli.run(...args).status, 0, args.join(" "));
    }
  });
  after(() => cli.dispose());

  const shell = (program: string, args: readonly string[]): string[] => {
    const PATH = `${cli.path("bin")}:${process.env["PATH"]}`;
    const env = { ...process.env, PATH, HOME: cli.directory, TERM: "dumb" };
    const result = spawnSync(program, args, { cwd: cli.directory, encoding: "utf8", env, timeout: 30_000 });
    assert.equal(result.status, 0, result.stderr);
    return result.stdout
      .split("\n")
      .map((line) => line.trim())
      .filter((line) => line !== "")
      .sort();
  };
  const bash = (line: string): string[] =>
    shell("bash", [
      "-c",
      `source <(snapmount completion bash); COMP_LINE=$1 COMP_POINT=\${#1}; _snapmount; printf '%s\\n' "\${COMPREPLY[@]}"`,
      "bash",
      line,
    ]);
  const fish = (line: string): string[] =>
    shell("fish", ["-c", `snapmount completion fish | source; complete -C '${line}'`]);

  for (const [name, completed] of Object.entries({ bash, fish })) {
    it(`offers commands, options and snapshots in ${name}`, () => {
      assert.deepEqual(completed("snapmount re"), ["release", "rename"]);
      assert.deepEqual(completed("snapmount ls --so"), ["--sort"]);
      assert.deepEqual(completed("snapmount completion z"), ["zsh"]);
      for (const store of ["plain", "store", "mnt"]) {
        assert.deepEqual(completed(`snapmount info ${store} active/w`), ["active/web"], store);
        assert.deepEqual(completed(`snapmount rm ${store} active/web committed/`), ["committed/base"], store);
      }
      assert.deepEqual(completed("snapmount info none active/"), []);
    });
  }

  it("completes a parent behind the @, and quotes spaces, in bash", () => {
    assert.deepEqual(bash("snapmount prepare plain new@"), ["base"]);
    assert.deepEqual(bash("snapmount info plain active/t"), ["active/two\\ words"]);
    assert.ok(bash("snapmount ls pl").includes("plain"));
  });

  it("offers the same in zsh", () => {
    // Stands in for what zsh calls within its line editor.
    const stub = `compdef() { : }; compadd() { shift; print -l -- "$@" }; _files() { : };`;
    const script = `${stub} source <(snapmount completion zsh); words=(snapmount info mnt ""); CURRENT=4; _snapmount`;
    assert.deepEqual(shell("zsh", ["-fc", script]), ["active/two words", "active/web", "committed/base"]);
  });

  it("does not take the lock of a store that is not mounted", () => {
    assert.deepEqual(bash("snapmount tree plain com"), ["committed/base"]);
    assert.equal(cli.daemon("plain"), undefined);
  });
});
