/** Rounds of failover on isolated hosts, which it makes and takes away again. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import type { FailoverResult, Loss, Round } from './failover-rounds.ts';
import { IsolatedHosts } from './isolated-hosts.ts';

const hostCount = 3;
const program = fileURLToPath(new URL('./failover-program.ts', import.meta.url));

export async function runFailoverOnHosts(
  losses: readonly Loss[],
  onRound: (round: Round) => void = () => {},
): Promise<FailoverResult> {
  const hosts = IsolatedHosts.create(hostCount);
  try {
    const [command, ...prefix] = hosts.on('hub');
    const args = [...prefix, process.execPath, program, hosts.prefix, `${hostCount}`];
    const child = spawn(command, [...args, losses.join()], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const ended = once(child, 'exit');
    let result: FailoverResult | undefined;
    for await (const line of createInterface({ input: child.stdout })) {
      const said = JSON.parse(line) as FailoverResult | Round;
      if ('rounds' in said) result = said;
      else onRound(said);
    }
    await ended;
    if (!result) throw new TypeError('The rounds of failover ended without a result.');
    return result;
  } finally {
    hosts.remove();
  }
}
