/**
 * `coco proposal`: what is to change is built, shown as it would change the state, confirmed,
 * signed and submitted; then listed, explained, watched or withdrawn.
 */
import { setTimeout } from 'node:timers/promises';
import { formatTransactionId } from '@coco/base';
import {
  buildProposal,
  type MemberRequest,
  objectOf,
  type Proposal,
  type ProposalFlag,
  type ProposalInfo,
  parseProposal,
  proposalOf,
  readBytesFile,
  readRecoveredPoint,
  readTextFile,
  type Submitted,
  watchProposal,
} from '@coco/member';
import { type Command, type Given, parseDurationMs } from './command-line.ts';
import { cliError } from './errors.ts';
import { type Network, networkFlags, withNetwork } from './network.ts';
import { note, outputFlags, show } from './output.ts';
import {
  nameOf,
  planCaveat,
  planDocument,
  planOf,
  planText,
  proposalDocument,
  reportDocument,
  reportOf,
  reportText,
  stateText,
} from './proposal-report.ts';
import {
  isRecovering,
  judgementFlags,
  judgeOpening,
  openingAction,
  pointArgument,
  tellOpening,
} from './recovery-judgement.ts';
import { signedFlags, submitSigned } from './signed-command.ts';

const proposalBytesMax = 8 * 1024 * 1024;
const forever = 2 ** 31 - 1;

export const proposalCreateCommand: Command = {
  flags: {
    action: {
      type: 'string',
      value: 'NAME',
      isRepeatable: true,
      meaning: 'instead of a file: an action, such as set_user; several are done in order',
    },
    arg: {
      type: 'string',
      value: 'KEY=VALUE',
      isRepeatable: true,
      meaning: 'of the action before: key=text, key=@file, key:=json, key.part=text',
    },
    'dry-run': { type: 'boolean', meaning: 'show what it would change, and end there' },
    ...judgementFlags,
    watch: { type: 'boolean', meaning: 'wait until it is decided' },
    ...signedFlags,
  },
  run: (given) => withNetwork(given, (network) => create(given, network)),
};

async function create(given: Given, network: Network): Promise<void> {
  const { governance } = network;
  if (given.isSet('dry-run')) {
    const plans = await planOf(governance, (await readProposal(given, network)).bytes);
    const text = [planText(plans, wouldChange), ...(await planCaveat(governance))].join('\n');
    return show(given, { actions: planDocument(plans) }, text);
  }
  const preview = async (bytes: Uint8Array) => {
    const plans = await planOf(governance, bytes);
    const judged = await judgeOpening(given, network, plans);
    const caveat = await planCaveat(governance);
    return [planText(plans, wouldChange), ...caveat, ...judged].join('\n');
  };
  const submitted = await submitSigned(given, network, {
    type: 'proposal',
    plan: async ({ subject }) => {
      const { bytes, actions } = await readProposal(given, network);
      const summary = `Propose ${actions.map(({ name }) => name).join(', ')}`;
      const request: MemberRequest = { type: 'proposal', payload: bytes, summary };
      return { request, preview: await preview(bytes), question: `Propose it, as ${subject}?` };
    },
    review: async ({ payload }) => ({
      preview: await preview(payload),
      question: 'Submit this proposal?',
    }),
  });
  if (submitted) await showSubmitted(given, network, submitted);
}

const wouldChange = 'This proposal would change:';

async function showSubmitted(given: Given, network: Network, submitted: Submitted): Promise<void> {
  const proposal = proposalOf(objectOf(submitted.answer));
  const { id } = proposal;
  if (given.isSet('watch') && proposal.state === 'Open') {
    note(`Proposal ${id} is submitted.`);
    return showDecision(given, network, id);
  }
  const { transactionId } = submitted;
  const isOpen = proposal.state === 'Open';
  const text = [
    `Proposal ${id} is ${stateText(proposal)}.`,
    ...(isOpen ? [`  vote for it by: coco ballot submit ${id.slice(0, 8)} --approve`] : []),
  ];
  const document = { ...proposalDocument(proposal), transactionId: transactionId ?? null };
  show(given, document, text.join('\n'));
}

async function readProposal(given: Given, network: Network): Promise<Proposal> {
  const [file] = given.positionals;
  const flags = given.inOrder(['action', 'arg']);
  if (file !== undefined && flags.length > 0) {
    throw cliError('WrongUsage', 'Give a file, or --action with --arg, not both.');
  }
  if (file !== undefined) return parseProposal(await readBytesFile(file, proposalBytesMax));
  if (flags.length === 0) throw cliError('WrongUsage', 'Give a file, or --action with --arg.');
  const parts = flags.map(
    ({ flag, text }): ProposalFlag =>
      flag === 'action' ? { flag: 'action', name: text } : { flag: 'arg', text },
  );
  const named = await withPoint(parts, network);
  return buildProposal(named, (path) => readTextFile(path, proposalBytesMax));
}

/** Who opens a recovered service signs where its ledger ends; from a file it comes as written. */
async function withPoint(
  parts: readonly ProposalFlag[],
  { governance }: Network,
): Promise<readonly ProposalFlag[]> {
  const at = parts.findIndex((part) => part.flag === 'action' && part.name === openingAction);
  const isNamed = parts.some((part) => part.flag === 'arg' && part.text.startsWith(pointArgument));
  if (at < 0 || isNamed || !isRecovering((await governance.info()).status)) return parts;
  const { transactionId } = await readRecoveredPoint(governance);
  const text = `${pointArgument}=${formatTransactionId(transactionId)}`;
  return parts.toSpliced(at + 1, 0, { flag: 'arg', text });
}

export const proposalListCommand: Command = {
  flags: { ...networkFlags, ...outputFlags },
  run: (given) =>
    withNetwork(given, async ({ governance }) => {
      const proposals = await governance.proposals();
      const members = await governance.list('/gov/service/members');
      const lines = proposals.map(
        (proposal) =>
          `${proposal.id}\n  by ${nameOf(members, proposal.proposerId)}: ${stateText(proposal)}; ` +
          `${proposal.ballotCount} ballot(s)`,
      );
      const text = lines.length === 0 ? 'There are no proposals.' : lines.join('\n');
      show(given, { proposals: proposals.map(proposalDocument) }, text);
    }),
};

export const proposalShowCommand: Command = {
  flags: { ...networkFlags, ...outputFlags },
  run: (given) =>
    withNetwork(given, async (network) => {
      const { governance } = network;
      const report = await reportOf(governance, await proposalId(given, governance));
      const told = await tellOpening(given, network, report.plans);
      const document = { ...reportDocument(report), recovery: [...told] };
      show(given, document, [reportText(report), ...told].join('\n'));
    }),
};

export const proposalWatchCommand: Command = {
  flags: {
    timeout: {
      type: 'string',
      value: 'TIME',
      meaning: 'give up after 30s, 10min, 2h; default never',
    },
    ...networkFlags,
    ...outputFlags,
  },
  run: (given) =>
    withNetwork(given, async (network) =>
      showDecision(given, network, await proposalId(given, network.governance)),
    ),
};

async function showDecision(given: Given, { governance }: Network, id: string): Promise<void> {
  const limitMs = parseDurationMs(given.text('timeout'), forever);
  const proposal = await awaitDecision(governance, id, limitMs);
  show(given, proposalDocument(proposal), `Proposal ${id} is ${stateText(proposal)}.`);
}

/** Tells of changes on stderr. @throws StillOpen when `limitMs` have passed, ProposalForgotten */
export async function awaitDecision(
  governance: Network['governance'],
  id: string,
  limitMs: number,
): Promise<ProposalInfo> {
  const signal = AbortSignal.timeout(Math.min(limitMs, forever));
  const proposal = await watchProposal(governance, id, {
    onChange: ({ state, ballotCount }) => note(`  ${state}, ${ballotCount} ballot(s)`),
    pause: (delayMs) => pause(delayMs, signal),
    signal,
  });
  if (proposal.state !== 'Open') return proposal;
  throw cliError('StillOpen', `Proposal ${id} is still open: see coco proposal show ${id}`);
}

/** Ends early when the signal aborts. */
async function pause(delayMs: number, signal: AbortSignal): Promise<void> {
  await setTimeout(delayMs, undefined, { signal }).catch((error: unknown) => {
    if (!signal.aborted) throw error;
  });
}

export const proposalWithdrawCommand: Command = {
  flags: signedFlags,
  run: (given) => withNetwork(given, (network) => withdraw(given, network)),
};

async function withdraw(given: Given, network: Network): Promise<void> {
  const { governance } = network;
  const id = await proposalId(given, governance);
  const preview = async (proposal: string) => reportText(await reportOf(governance, proposal));
  const submitted = await submitSigned(given, network, {
    type: 'withdrawal',
    plan: async ({ subject }) => {
      const payload = new Uint8Array(0);
      const summary = `Withdraw proposal ${id}`;
      const request: MemberRequest = { type: 'withdrawal', payload, proposalId: id, summary };
      return { request, preview: await preview(id), question: `Withdraw it, as ${subject}?` };
    },
    review: async (request) => {
      assertSameProposal(request, id);
      return { preview: await preview(id), question: 'Withdraw it?' };
    },
  });
  if (!submitted) return;
  const proposal = proposalOf(objectOf(submitted.answer));
  show(given, proposalDocument(proposal), `Proposal ${id} is ${stateText(proposal)}.`);
}

/** A request that was prepared for one proposal is not for another. @throws WrongUsage */
export function assertSameProposal(request: MemberRequest, id: string): void {
  if (request.proposalId === id) return;
  throw cliError('WrongUsage', `What was prepared is for proposal ${request.proposalId}.`);
}

/**
 * The proposal that a command means: its id, or digits that only one id begins with.
 * @throws WrongUsage
 */
export async function proposalId(given: Given, governance: Network['governance']): Promise<string> {
  const [text = ''] = given.positionals;
  if (/^[0-9a-f]{64}$/.test(text)) return text;
  if (!/^[0-9a-f]{6,63}$/.test(text)) {
    throw cliError('WrongUsage', `"${text}" is not a proposal: give the id, or its first digits.`);
  }
  const found = (await governance.proposals()).filter(({ id }) => id.startsWith(text));
  const [only] = found;
  if (only && found.length === 1) return only.id;
  const what = found.length === 0 ? 'No proposal begins' : `${found.length} proposals begin`;
  throw cliError('WrongUsage', `${what} with ${text}: see coco proposal list.`);
}
