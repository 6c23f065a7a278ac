import { writeFileSync, writeSync } from "node:fs";
import { createCopyEngine } from "../../src/store/copy/engine.js";
import { openStore } from "../../src/store/store.js";
import { OPERATIONS } from "./crash-operations.js";

// Opens a store, arms the plan of faults, and does one operation: node crash-child.js STORE OPERATION PLAN
// SNAPMOUNT_FAULT names the file into which the plan goes.

const [directory, name, plan] = process.argv.slice(2) as [string, string, string];
const file = process.env["SNAPMOUNT_FAULT"]!;
const operation = OPERATIONS[name]!;
const store = await openStore(directory, { engine: createCopyEngine({ workers: 1 }) });
writeFileSync(file, plan);
// writeSync: what was said has been said when the process is killed.
await operation.run(store, () => writeSync(1, "acknowledged\n"));
writeFileSync(file, "");
writeSync(1, "done\n");
await store.close();
