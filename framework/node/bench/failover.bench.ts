/**
 * From the loss of the primary to the first committed write of a client, three nodes on isolated
 * hosts under load: 50 rounds of kill -9, SIGSTOP and a cut network in turn. Printed only if no
 * acknowledged write was lost and every id is decided. `npm run bench -- failover`; ends with 1
 * over the bar. `--rounds=N` for fewer.
 */
import type { Loss } from '../test/failover-rounds.ts';
import { hostsMissing } from '../test/isolated-hosts.ts';
import { runFailoverOnHosts } from '../test/run-failover.ts';

/** The bar. */
const p99MsMax = 2_000;
const kinds: readonly Loss[] = ['kill', 'stop', 'cut'];
const given = process.argv.find((one) => one.startsWith('--rounds='))?.slice('--rounds='.length);
const roundCount = Number(given ?? 50);

function quantile(values: readonly number[], part: number): number {
  const sorted = [...values].sort((one, other) => one - other);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * part))] ?? 0;
}

function line(name: string, values: readonly number[]): string {
  const [p50, p99, most] = [0.5, 0.99, 1].map((part) => quantile(values, part).toFixed(0));
  return `${name.padEnd(10)} ${values.length} rounds  p50 ${p50} ms  p99 ${p99} ms  max ${most} ms`;
}

const missing = hostsMissing();
if (missing !== undefined) {
  console.error(missing);
  process.exit(1);
}
const losses = Array.from({ length: roundCount }, (_, round) => kinds[round % 3] ?? 'kill');
const { rounds, writes, lost } = await runFailoverOnHosts(losses, ({ loss, ms }) =>
  process.stderr.write(`${loss} ${ms.toFixed(0)} ms\n`),
);
if (lost > 0) {
  console.error(`${lost} acknowledged writes are not there: no figures.`);
  process.exit(1);
}
console.log(`${writes} acknowledged writes, all there on all nodes`);
for (const kind of kinds) {
  console.log(
    line(
      kind,
      rounds.filter(({ loss }) => loss === kind).map(({ ms }) => ms),
    ),
  );
}
const all = rounds.map(({ ms }) => ms);
console.log(line('all', all));
process.exitCode = quantile(all, 0.99) <= p99MsMax ? 0 : 1;
