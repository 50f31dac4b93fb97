/** `coco ballot`: a member votes on a proposal, after seeing what it would change. */
import { encodeJson, isJsonObject, type JsonValue, parseJson } from '@coco/base';
import {
  type MemberRequest,
  objectOf,
  proposalOf,
  readTextFile,
  standardBallots,
} from '@coco/member';
import type { Command, Given } from './command-line.ts';
import { cliError } from './errors.ts';
import { type Network, networkFlags, withNetwork } from './network.ts';
import { outputFlags, show } from './output.ts';
import { assertSameProposal, proposalId } from './proposal-command.ts';
import {
  planCaveat,
  proposalDocument,
  reportOf,
  reportText,
  stateText,
} from './proposal-report.ts';
import { judgementFlags, judgeOpening } from './recovery-judgement.ts';
import { signedFlags, submitSigned } from './signed-command.ts';

const scriptBytesMax = 1024 * 1024;

export const ballotSubmitCommand: Command = {
  flags: {
    approve: { type: 'boolean', meaning: 'vote for it' },
    reject: { type: 'boolean', meaning: 'vote against it' },
    script: {
      type: 'string',
      value: 'FILE',
      meaning: 'JavaScript that exports vote(proposal, proposerId), asked at each resolution',
    },
    ...judgementFlags,
    ...signedFlags,
  },
  run: (given) => withNetwork(given, (network) => submit(given, network)),
};

async function submit(given: Given, network: Network): Promise<void> {
  const { governance } = network;
  const id = await proposalId(given, governance);
  const preview = async () => {
    const report = await reportOf(governance, id);
    if (report.proposal.state !== 'Open') {
      const message = `Proposal ${id} is ${stateText(report.proposal)}: nobody can vote on it.`;
      throw cliError('WrongState', message);
    }
    const judged = await judgeOpening(given, network, report.plans);
    const caveat = await planCaveat(governance);
    return [reportText(report), ...caveat, ...judged].join('\n');
  };
  const submitted = await submitSigned(given, network, {
    type: 'ballot',
    plan: async ({ subject }) => {
      const { script, words } = await readBallot(given);
      const request: MemberRequest = {
        type: 'ballot',
        payload: encodeJson({ ballot: script }),
        proposalId: id,
        summary: `Vote ${words} proposal ${id}`,
      };
      const question = `Vote ${words} this proposal, as ${subject}? A ballot cannot be changed.`;
      return { request, preview: await preview(), question };
    },
    review: async (request) => {
      assertSameProposal(request, id);
      const question = `Vote ${wordsOf(ballotIn(request.payload))} this proposal? A ballot cannot be changed.`;
      return { preview: await preview(), question };
    },
  });
  if (!submitted) return;
  const proposal = proposalOf(objectOf(submitted.answer));
  const text = [
    `The ballot of ${submitted.certificate.subject} counts: transaction ${submitted.transactionId} has committed.`,
    `Proposal ${id} is ${stateText(proposal)}.`,
  ];
  const { transactionId } = submitted;
  show(
    given,
    { ...proposalDocument(proposal), transactionId: transactionId ?? null },
    text.join('\n'),
  );
}

async function readBallot(given: Given): Promise<{ script: string; words: string }> {
  const file = given.text('script');
  const choices = [given.isSet('approve'), given.isSet('reject'), file !== undefined];
  if (choices.filter(Boolean).length !== 1) {
    throw cliError('WrongUsage', 'Give one of --approve, --reject and --script FILE.');
  }
  const script =
    file !== undefined
      ? await readTextFile(file, scriptBytesMax)
      : standardBallots[given.isSet('approve') ? 'approve' : 'reject'];
  return { script, words: wordsOf(script) };
}

function wordsOf(script: string): string {
  if (script === standardBallots.approve) return 'for';
  return script === standardBallots.reject ? 'against' : 'by a script on';
}

function ballotIn(payload: Uint8Array): string {
  const body: JsonValue = parseJson(payload);
  const ballot = isJsonObject(body) ? body.ballot : undefined;
  if (typeof ballot === 'string') return ballot;
  throw cliError('WrongUsage', 'What was prepared holds no ballot.');
}

export const ballotShowCommand: Command = {
  flags: { ...networkFlags, ...outputFlags },
  run: (given) =>
    withNetwork(given, async ({ governance }) => {
      const id = await proposalId(given, governance);
      const [, text = ''] = given.positionals;
      const members = await governance.list('/gov/service/members');
      const found = members.filter(({ memberId }) => String(memberId).startsWith(text));
      const memberId = found.length === 1 ? String(found[0]?.memberId) : text;
      if (!/^[0-9a-f]{64}$/.test(memberId)) {
        throw cliError(
          'WrongUsage',
          `"${text}" is not a member: give the id, or its first digits.`,
        );
      }
      const script = await readCastBallot(governance, id, memberId);
      show(given, { proposalId: id, memberId, ballot: script }, script);
    }),
};

/** @throws NoBallot, ProposalForgotten */
export async function readCastBallot(
  governance: Network['governance'],
  id: string,
  memberId: string,
): Promise<string> {
  const script = await governance.ballot(id, memberId);
  if (script !== undefined) return script;
  await governance.proposal(id);
  throw cliError('NoBallot', `The member ${memberId} has not voted on this proposal.`);
}
