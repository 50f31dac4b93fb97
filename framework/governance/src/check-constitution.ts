/**
 * Whether a text is a constitution at all: a service that starts with another one could never
 * decide anything, not even to change it. The check is that of `ccf.gov.validateConstitution`.
 */
import { refuse } from '@coco/base';
import type { ScriptRunner } from '@coco/isolate';
import { defaultLimits } from './script-limits.ts';

const check = 'export function check(text) { return ccf.gov.validateConstitution(text); }';

/** @throws InvalidInput with what is wrong; what running a script throws */
export async function checkConstitution(text: string, scripts: ScriptRunner): Promise<void> {
  const outcome = await scripts.run({
    source: check,
    entry: 'check',
    args: [text],
    access: {
      context: 'governance-read',
      map: () => {
        throw refuse('InvalidInput', 'A constitution reads nothing while it loads.');
      },
      functions: new Map(),
    },
    limits: defaultLimits,
    isVoted: true,
    party: 'start',
  });
  if (outcome.kind === 'returned') return;
  const reason = outcome.kind === 'threw' ? outcome.reason : 'it takes too long to load';
  throw refuse('InvalidInput', `The constitution cannot be used: ${reason}`);
}
