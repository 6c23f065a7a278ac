import { Failure } from "../daemon/failure.js";
import type { Holder } from "../daemon/holders.js";
import type { Access } from "./access.js";
import { type Ref, refText } from "./ref.js";

/** Something that keeps a snapshot from being removed. */
export type Obstacle =
  | { readonly type: "child"; readonly ref: Ref }
  | { readonly type: "hold"; readonly reason: string }
  | { readonly type: "holder"; readonly holder: Holder };

/** @returns what keeps a snapshot from being removed, as far as this user may see it */
export async function obstaclesOf(access: Access, ref: Ref): Promise<Obstacle[]> {
  const obstacles: Obstacle[] = (await access.children(ref)).map((child) => ({ type: "child", ref: child }));
  const hold = (await access.find(ref))?.hold;
  if (hold !== undefined) obstacles.push({ type: "hold", reason: hold });
  for (const holder of await access.holders(ref)) obstacles.push({ type: "holder", holder });
  return obstacles;
}

/** @returns an obstacle as a sentence about `it` */
export function obstacleText(obstacle: Obstacle): string {
  if (obstacle.type === "child") return `${refText(obstacle.ref)} was made from it`;
  if (obstacle.type === "hold") return `it is held: ${obstacle.reason}`;
  const { pid, command, what } = obstacle.holder;
  return `${command}${pid === undefined ? "" : ` (pid ${pid})`} ${what}`;
}

/**
 * Adds to a refusal for being busy who or what is in the way.
 * @throws Failure
 */
export async function explained<T>(access: Access, ref: Ref, work: Promise<T>): Promise<T> {
  try {
    return await work;
  } catch (error) {
    if (!(error instanceof Failure) || error.kind !== "busy") throw error;
    const holders = (await obstaclesOf(access, ref)).filter(({ type }) => type === "holder");
    if (holders.length === 0) throw error;
    throw new Failure(
      "busy",
      `${refText(ref)} is busy:\n${holders.map((holder) => `  ${obstacleText(holder)}`).join("\n")}`,
    );
  }
}
