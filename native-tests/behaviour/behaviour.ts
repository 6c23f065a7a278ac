import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { Arena } from "../support/arena.js";
import { TestUser } from "../support/test-user.js";
import { CAPABILITIES, DRIVER_OF, type Variant } from "./capabilities.js";
import { commits } from "./commits.js";
import { programs } from "./programs.js";
import { mountedNamespace } from "./table.js";

/** The same behaviour, whatever carries the tree; what differs is in CAPABILITIES and nowhere else. */
export function behaviour(variant: Variant): void {
  describe(`${variant}: behaviour`, () => {
    let arena: Arena;
    let user: TestUser | undefined;
    before(() => {
      user = variant === "kernel without root" ? new TestUser() : undefined;
      try {
        arena = new Arena({ driver: DRIVER_OF[variant], ...(user === undefined ? {} : { user }) });
      } catch (error) {
        user?.remove();
        throw error;
      }
      arena.sh("mkdir active/base && echo content > active/base/file && mv active/base committed/");
    });
    after(() => {
      arena.close();
      user?.remove();
    });
    const get = (): Arena => arena;

    describe("the mounted namespace", () => mountedNamespace(variant, get));
    describe("a commit", () => commits(get));
    describe("programs", () => programs(get));
    describe("capabilities", () => {
      for (const { name, has, probe } of CAPABILITIES) {
        const expected = has.includes(variant);
        it(`${expected ? "has" : "lacks"} ${name}`, () => {
          arena.sh("mkdir active/cap; echo content > active/cap/f");
          const { status, stderr } = arena.shell(probe);
          arena.sh("rm -r active/cap");
          assert.equal(status === 0, expected, stderr || "it worked");
        });
      }
    });
  });
}
