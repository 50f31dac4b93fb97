/**
 * Measures the audit of a large ledger: entries per second and bytes per second, one CPU, files in
 * memory; and how its memory grows with the ledger. First it checks that what is measured is an
 * audit: the story is told, and a changed byte is found.
 *
 * `node --expose-gc framework/audit/bench/audit.bench.ts [--json] [--entries=100000]`; ends with 1
 * over a budget.
 */
import { assert } from '@coco/base';
import { auditService } from '../src/index.ts';
import { Consortium, folder } from '../test/sample-consortium.ts';
import { createMember } from '../test/sample-identity.ts';

/** A network that writes 1,000 entries a second all day is audited in an hour. */
const entriesPerSecondMin = 25_000;
/** An audit of any ledger runs on a laptop. */
const grownMibMax = 64;
const batchEntries = 200;
/** One governance transaction in so many batches. */
const proposalEvery = 25;

const isJson = process.argv.includes('--json');
const entryCount = Number(
  process.argv.find((word) => word.startsWith('--entries='))?.slice('--entries='.length) ?? 100_000,
);

async function writeLedger(): Promise<Consortium> {
  const members = await Promise.all(['Alpha', 'Beta', 'Gamma'].map(createMember));
  const consortium = await Consortium.open(members);
  for (let batch = 0; batch < entryCount / batchEntries; batch++) {
    await consortium.writeRecords(batchEntries);
    if (batch % proposalEvery !== 0) continue;
    const action = { name: 'set_member_data', args: { member_data: { batch } } };
    await consortium.carry([action], () => undefined);
  }
  return consortium;
}

const consortium = await writeLedger();
const at = { disk: consortium.disk, folder };
let bytes = 0;
let highestMib = 0;
globalThis.gc?.();
const heapBefore = process.memoryUsage();
const usedMib = (): number => {
  const { heapUsed, arrayBuffers } = process.memoryUsage();
  return (heapUsed + arrayBuffers - heapBefore.heapUsed - heapBefore.arrayBuffers) / 2 ** 20;
};
const startedCpu = process.cpuUsage();
let batches = 0;
const audit = await auditService({
  ...at,
  onProgress: ({ bytesRead }) => {
    bytes = bytesRead;
    batches += 1;
    if (batches % 100 !== 0) return;
    globalThis.gc?.();
    highestMib = Math.max(highestMib, usedMib());
  },
});
/** CPU time: what other processes of the machine do does not count. */
const { user, system } = process.cpuUsage(startedCpu);
const seconds = (user + system) / 1e6;
assert(audit.isSound, 'the measured ledger is sound');
assert(audit.ledger.entryCount > entryCount, 'every entry is read');
assert(audit.proposals.length > entryCount / batchEntries / proposalEvery, 'the story is told');

const entriesPerSecond = audit.ledger.entryCount / seconds;
const isWithinBudget = entriesPerSecond >= entriesPerSecondMin && highestMib <= grownMibMax;
if (isJson) {
  console.log(JSON.stringify({ entriesPerSecond, bytes, seconds, highestMib, isWithinBudget }));
} else {
  const { entryCount: count, signatureCount } = audit.ledger;
  console.log(
    `${count} entries, ${signatureCount} signatures, ${audit.proposals.length} proposals`,
  );
  console.log(
    `audit    ${entriesPerSecond.toFixed(0)} entries/s (budget ${entriesPerSecondMin}), ${(bytes / 2 ** 20 / seconds).toFixed(1)} MiB/s`,
  );
  console.log(`memory   ${highestMib.toFixed(1)} MiB at most (budget ${grownMibMax})`);
}
process.exitCode = isWithinBudget ? 0 : 1;
