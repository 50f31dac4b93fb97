/** `coco recovery`: what a recovering service waits for, and a member's share brought back. */
import { encodeJson, formatTransactionId, type JsonValue, toBase64 } from '@coco/base';
import type { Certificate, EncryptionKey } from '@coco/crypto';
import { decryptShare } from '@coco/governance';
import { type MemberRequest, memberName, objectOf, readEncryptionKeyFile } from '@coco/member';
import type { Command, Given } from './command-line.ts';
import { cliError } from './errors.ts';
import { type Network, networkFlags, withNetwork } from './network.ts';
import { outputFlags, show } from './output.ts';
import { isRecovering, judgementFlags, judgeRecovery } from './recovery-judgement.ts';
import { signedFlags, submitSigned } from './signed-command.ts';
import { certificateOf, identityFlags, memberFilesOf } from './signing.ts';

const encryptionKeyFlags = {
  'encryption-key': {
    type: 'string',
    value: 'PEM',
    meaning: 'the member’s private encryption key; default NAME_enc_privk.pem of --member',
  },
} as const;

export const recoveryStatusCommand: Command = {
  flags: { ...judgementFlags, ...networkFlags, ...outputFlags },
  run: (given) => withNetwork(given, (network) => showStatus(given, network)),
};

async function showStatus(given: Given, network: Network): Promise<void> {
  const { governance } = network;
  const { status, recoveryThreshold, recoveryCount } = await governance.info();
  const members = await governance.list('/gov/service/members');
  const holders = members.filter(
    (row) => row.status === 'Active' && row.recoveryRole !== 'NonParticipant',
  );
  const submitted = await submittedCount(network);
  const judged = isRecovering(status) ? (await judgeRecovery(given, network)).lines : [];
  const text = [
    statusSentence(status),
    ...(status === 'WaitingForRecoveryShares'
      ? [`  ${submitted ?? 'an unknown number'} of ${recoveryThreshold} shares are submitted`]
      : [`  recovery takes ${recoveryThreshold} of the ${holders.length} shares`]),
    `  shares are held by ${holders.map(memberName).join(', ') || 'nobody'}`,
    `  recovered before: ${recoveryCount} time(s)`,
    ...judged.map((line) => `  ${line}`),
  ];
  const document = {
    status,
    recoveryThreshold,
    submittedCount: submitted ?? null,
    shareHolders: holders.map((row) => ({ memberId: row.memberId ?? null, name: memberName(row) })),
    recoveryCount,
    judgement: [...judged],
  };
  show(given, document, text.join('\n'));
}

function statusSentence(status: string): string {
  switch (status) {
    case 'WaitingForRecoveryShares':
      return 'The service waits for the recovery shares of its members: coco recovery submit.';
    case 'Recovering':
      return 'The service was started from a ledger: its members must vote to open it.';
    case 'Opening':
      return 'The service is new and not open yet: there is nothing to recover.';
    default:
      return 'The service is open: there is nothing to recover.';
  }
}

export const recoveryCheckCommand: Command = {
  flags: { ...judgementFlags, ...networkFlags, ...outputFlags },
  run: (given) => withNetwork(given, (network) => checkPoint(given, network)),
};

/** @throws RecoveredTooLittle, WrongState */
async function checkPoint(given: Given, network: Network): Promise<void> {
  const { status, recoveryCount } = await network.governance.info();
  if (!isRecovering(status) && recoveryCount === 0) {
    throw cliError('WrongState', 'The service was never recovered: there is nothing to check.');
  }
  const { point, seen, lines } = await judgeRecovery(given, network);
  const { transactionId, mayLackCommits } = point;
  const document = {
    status,
    recoveredTo: formatTransactionId(transactionId),
    mayLackCommits: mayLackCommits ?? null,
    covered: seen.map(({ transactionId: id, from }) => ({
      transactionId: formatTransactionId(id),
      from,
    })),
  };
  show(given, document, lines.join('\n'));
}

/** Undefined where the service does not tell. */
async function submittedCount({ governance }: Network): Promise<number | undefined> {
  const found = await governance.readIfThere('/gov/recovery/submitted-shares');
  const { submittedCount: count } = objectOf(found);
  return typeof count === 'number' ? count : undefined;
}

export const recoveryShareCommand: Command = {
  flags: { ...identityFlags, ...encryptionKeyFlags, ...networkFlags, ...outputFlags },
  run: (given) =>
    withNetwork(given, async (network) => {
      const certificate = await certificateOf(given);
      await openShare(given, network, certificate);
      const text = `The service holds a recovery share for ${certificate.subject}, and its key opens it.`;
      show(given, { memberId: certificate.id, opens: true }, text);
    }),
};

/** @throws GovernanceRefused without a share; DecryptionFailed when it is for another key */
async function openShare(
  given: Given,
  network: Network,
  certificate: Certificate,
): Promise<Uint8Array> {
  const path = `/gov/recovery/encrypted-shares/${certificate.id}`;
  const { encryptedShare } = objectOf(await network.governance.read(path));
  return decryptShare(String(encryptedShare), await encryptionKeyOf(given));
}

async function encryptionKeyOf(given: Given): Promise<EncryptionKey> {
  const path = given.text('encryption-key');
  if (path !== undefined) return readEncryptionKeyFile(path);
  const files = await memberFilesOf(given);
  if (files) return files.readEncryptionKey();
  throw cliError('WrongUsage', 'With --cert comes --encryption-key PEM, which opens the share.');
}

export const recoverySubmitCommand: Command = {
  flags: { ...judgementFlags, ...encryptionKeyFlags, ...signedFlags },
  run: (given) => withNetwork(given, (network) => submitShare(given, network)),
};

/** @throws WrongState, RecoveredTooLittle, and what signing and submitting throw */
export async function submitShare(given: Given, network: Network): Promise<void> {
  const { status, recoveryThreshold } = await network.governance.info();
  if (status !== 'WaitingForRecoveryShares') {
    throw cliError('WrongState', `No share is asked for. ${statusSentence(status)}`);
  }
  const { lines: judged } = await judgeRecovery(given, network);
  const preview = [...judged, `With ${recoveryThreshold} shares it gets the ledger’s secrets.`];
  const submitted = await submitSigned(given, network, {
    type: 'recovery_share',
    plan: async (certificate) => {
      const share = await openShare(given, network, certificate);
      const request: MemberRequest = {
        type: 'recovery_share',
        payload: encodeJson({ share: toBase64(share) }),
        summary: 'Submit a recovery share (secret: it stands in this document)',
      };
      const question = `Hand it the share of ${certificate.subject}?`;
      return { request, preview: preview.join('\n'), question };
    },
    review: async () => ({ preview: preview.join('\n'), question: 'Hand it the share?' }),
  });
  if (!submitted) return;
  const { answer } = submitted;
  show(given, answer, shareText(answer));
}

function shareText(answer: JsonValue): string {
  const { submittedCount: count, recoveryThreshold, fullKeySubmitted } = objectOf(answer);
  if (fullKeySubmitted === true) return 'The whole key is submitted: the service now recovers.';
  const isComplete = Number(count) >= Number(recoveryThreshold);
  const end = isComplete ? ': the service now reads its ledger and opens.' : '.';
  return `${String(count)} of ${String(recoveryThreshold)} shares are submitted${end}`;
}
