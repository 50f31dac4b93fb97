/** The seed of a random suite: COCO_SEED, else a new one. It is printed, so that a run replays. */
import { randomInt } from 'node:crypto';
import type { TestContext } from 'node:test';

const seedMax = 2 ** 31;

export function chosenSeed(context: Pick<TestContext, 'diagnostic'>): number {
  const given = process.env.COCO_SEED;
  const seed = given === undefined ? randomInt(1, seedMax) : Number(given);
  context.diagnostic(`COCO_SEED=${seed}`);
  return seed;
}
