import { faultPlan } from "./fault-plan.js";

/**
 * Asked before every call that touches the disk.
 * @param operation the name of the system call, for example `renameat2`, or of a step of the store's
 * @returns 0 to go on, or -errno, which the call then answers without being made
 */
export type FaultHook = (operation: string) => number;

let hook: FaultHook | undefined = faultPlan(process.env["SNAPMOUNT_FAULT"]);

/**
 * The seam through which tests make the disk fail or the process die at one certain step
 * (as litefs does): each call that touches the disk is named by its operation.
 * Without a hook of its own every thread follows the plan in the environment (fault-plan.ts).
 * @param next the hook of this thread, or undefined for none
 */
export function setFaultHook(next: FaultHook | undefined): void {
  hook = next;
}

/** Whether calls are counted or made to fail, so that nothing but what is tested should make any. */
export function isFaultHooked(): boolean {
  return hook !== undefined;
}

/** @returns 0, or the -errno that the hook wants this operation to fail with */
export function fault(operation: string): number {
  return hook === undefined ? 0 : hook(operation);
}
