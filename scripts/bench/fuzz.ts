import { type Account, randomFileSystem } from "../../test/support/fuzz-mock.js";
import { fuzzDispatcher } from "../../test/support/fuzz-run.js";
import { fuzzTree } from "../../test/support/fuzz-tree.js";
import { Random } from "../../test/support/random.js";
import type { Verdict } from "./verdicts.js";

/** Requests of one run: a run begins with nothing. */
const A_RUN = 50_000;

/**
 * Feeds random and mutated requests to the dispatcher, half of them before a file system that answers at random and half
 * before the tree on a store; each run has a seed of its own, which a failure names.
 *
 * @param count of requests
 */
export async function measureFuzz(count: number): Promise<Verdict[]> {
  const runs = Math.ceil(count / 2 / A_RUN);
  const total = { requests: 0, replies: 0, successes: 0 };
  const failed: string[] = [];
  for (let seed = 1; seed <= runs; seed++) {
    for (const [name, run] of [
      ["random answers", againstRandomAnswers],
      ["the tree", againstTree],
    ] as const) {
      try {
        const result = await run(seed);
        total.requests += result.requests;
        total.replies += result.replies;
        total.successes += result.successes;
      } catch (error) {
        failed.push(`${name}, seed ${seed}: ${String(error)}`);
      }
    }
    console.error(`fuzz: ${total.requests} requests`);
  }
  const { requests, replies, successes } = total;
  return [
    {
      claim: `${count} random and mutated requests: each answered as the kernel wants, nothing held in the end`,
      measured: failed[0] ?? `${requests} requests, ${replies} replies, ${successes} of them successes`,
      holds: failed.length === 0 && requests >= count,
    },
  ];
}

async function againstRandomAnswers(seed: number): ReturnType<typeof fuzzDispatcher> {
  const account: Account = { nodes: new Map(), handles: new Set() };
  const result = await fuzzDispatcher(randomFileSystem(new Random(seed), account), seed, A_RUN);
  const left = account.nodes.size + account.handles.size;
  if (left > 0) throw new Error(`${left} nodes and handles were not given back`);
  return result;
}

async function againstTree(seed: number): ReturnType<typeof fuzzDispatcher> {
  const { result, counts, opened } = await fuzzTree(seed, A_RUN);
  if (counts.nodes + counts.handles > 0 || opened > 0)
    throw new Error(`left: ${JSON.stringify(counts)}, ${opened} descriptors`);
  return result;
}
