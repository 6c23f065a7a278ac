import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { keyOfName, parseNewRef, parseRef, refOf, refText } from "../src/cli/ref.js";

describe("a name on the command line", () => {
  it("is a path as on the mount", () => {
    assert.deepEqual(parseRef("active/web"), { kind: "active", name: "web" });
    assert.deepEqual(parseRef("committed/sha256:ab c"), { kind: "committed", name: "sha256:ab c" });
    assert.equal(refText(parseRef("views/look/")), "views/look");
  });

  it("may leave out its directory where only one is possible", () => {
    assert.deepEqual(parseRef("web", "committed"), { kind: "committed", name: "web" });
    assert.deepEqual(parseRef("active/web", "committed"), { kind: "active", name: "web" });
    assert.throws(() => parseRef("web"), /names no snapshot/);
  });

  it("is refused with the way to write it when no snapshot can have it", () => {
    assert.throws(() => parseRef("active/a/b"), /write a%2Fb/);
    assert.throws(() => parseRef("active/.git"), /write %2Egit/);
    assert.throws(() => parseRef("active/"), /names no snapshot/);
    assert.throws(() => parseRef("active/web@base"), /say active\/web/);
    assert.throws(() => parseRef(`active/${"x".repeat(256)}`), /longer than 255/);
  });

  it("names a parent after the first @, with or without its directory", () => {
    const ref = { kind: "active", name: "web" };
    const parent = { kind: "committed", name: "base" };
    for (const text of ["web@base", "active/web@base", "active/web@committed/base"])
      assert.deepEqual(parseNewRef(text, "active"), { ref, parent });
    assert.deepEqual(parseNewRef("web", "active"), { ref, parent: undefined });
    assert.deepEqual(parseNewRef("web@a@b", "active").parent?.name, "a%40b");
    assert.throws(() => parseNewRef("committed/web", "active"), /active\/NAME/);
    assert.throws(() => parseNewRef("web@active/base", "active"), /cannot be a parent/);
  });

  it("and back: every key has one", () => {
    for (const key of [
      "k8s.io/12/extract-7 sha256:ab",
      ".hidden",
      "a@b",
      "50%",
      "é\n",
      "autorun.inf",
      "%2F",
    ]) {
      const ref = refOf("active", key);
      assert.deepEqual(parseRef(refText(ref)), ref);
      assert.equal(keyOfName(ref.name), key);
    }
  });
});
