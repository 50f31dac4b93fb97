/**
 * Runs rounds of failover as a process of its own, so that it can stand in the hub of isolated
 * hosts: `failover-program.ts <hosts' prefix> <number of hosts> <loss,loss,...>`. It prints a line
 * of JSON for each round, and one for the whole.
 */

import { type Loss, runFailover } from './failover-rounds.ts';
import { IsolatedHosts } from './isolated-hosts.ts';

const [prefix = '', count = '', losses = ''] = process.argv.slice(2);
const result = await runFailover({
  losses: losses.split(',') as Loss[],
  hosts: IsolatedHosts.join(prefix, Number(count)),
  onRound: (round) => process.stdout.write(`${JSON.stringify(round)}\n`),
});
process.stdout.write(`${JSON.stringify(result)}\n`);
