import { resolve } from "node:path";
import type { AddCommand } from "../command.js";
import { tell } from "../output.js";

export const addUmount: AddCommand = (program) => {
  program
    .command("umount")
    .summary("unmount, and wait until the store is closed")
    .description(
      "Unmounts, and waits until the store is closed, so that it may be used at once. A busy mount stays, and who uses it is said.",
    )
    .argument("<MOUNTPOINT>")
    .action(async (mountpoint: string) => {
      const { detach } = await import("../../daemon/detach.js");
      await detach(resolve(mountpoint), tell);
    });
};
