/** What a member looks at before it helps to open a recovered service, and where it refuses. */
import { formatTransactionId, fromBase64, type JsonValue, LedgerError } from '@coco/base';
import {
  type ActionPlan,
  assertRecoveredEnough,
  objectOf,
  type RecoveredPoint,
  readBytesFile,
  readRecoveredPoint,
  readTextFile,
  type Seen,
  transactionOfReceipt,
} from '@coco/member';
import type { Flag, Given } from './command-line.ts';
import { cliError } from './errors.ts';
import type { Network } from './network.ts';
import { coseReceiptIn } from './receipt-bundle.ts';

const receiptBytesMax = 8 * 1024 * 1024;
/** The action that opens a service, and its argument that names where the recovered ledger ends. */
export const openingAction = 'transition_service_to_open';
export const pointArgument = 'recovered_to';

export const judgementFlags: Readonly<Record<string, Flag>> = {
  receipt: {
    type: 'string',
    value: 'FILE',
    isRepeatable: true,
    meaning: 'a receipt that is held: nothing is opened that ends before it',
  },
};

/** The service recovers, and waits for its members' votes or shares. */
export function isRecovering(status: string): boolean {
  return status === 'Recovering' || status === 'WaitingForRecoveryShares';
}

export interface RecoveryJudgement {
  readonly point: RecoveredPoint;
  readonly seen: readonly Seen[];
  /** For the person who decides. */
  readonly lines: readonly string[];
}

/** @throws RecoveredTooLittle, and what verifying the receipts given throws */
export async function judgeRecovery(given: Given, network: Network): Promise<RecoveryJudgement> {
  const { governance } = network;
  const point = await readRecoveredPoint(governance);
  const seen = await readSeen(given, network);
  await assertRecoveredEnough(governance, point.transactionId, seen);
  const known = seen.map(
    ({ transactionId, from }) => `${formatTransactionId(transactionId)} (${from})`,
  );
  const { evidence } = network.client;
  const lines = [
    `The recovered ledger ends at transaction ${formatTransactionId(point.transactionId)}.`,
    ...declaredLines(point),
    ...beginLines(point),
    known.length === 0
      ? 'Nothing is known here that was committed before, so whether it is complete cannot be judged.'
      : `It has all that is known here: ${known.join(', ')}.`,
    `Its node runs code with measurement ${evidence.measurement}` +
      `${evidence.isConfidential ? '' : ', on a platform that is not confidential'}.`,
  ];
  return { point, seen, lines };
}

/** What the service says of itself; attested code says it. */
function declaredLines(point: RecoveredPoint): readonly string[] {
  const { mayLackCommits, lookedAtCount, mayHaveVotedCount } = point;
  if (mayLackCommits === undefined) return [];
  const looked = `of the ${mayHaveVotedCount} node(s) that may have voted, the ledgers of ${lookedAtCount} were looked at`;
  return mayLackCommits
    ? [`IT DECLARES THAT COMMITS MAY BE MISSING: ${looked}.`]
    : [`Nothing that was acknowledged is missing: ${looked}, which is enough.`];
}

/** A ledger whose older files are missing; who knows an older transaction cannot find it there. */
function beginLines({ beginsAfter }: RecoveredPoint): readonly string[] {
  if (beginsAfter === undefined) return [];
  return [
    `It begins with a snapshot: what the entries up to seqno ${beginsAfter} came to is there, the entries are not.`,
  ];
}

/** Of a proposal that opens a recovered service; of others there is nothing to say. */
export async function judgeOpening(
  given: Given,
  network: Network,
  plans: readonly ActionPlan[],
): Promise<readonly string[]> {
  const opening = plans.find(({ action }) => action.name === openingAction);
  const { status } = await network.governance.info();
  if (!opening || !isRecovering(status)) return [];
  const { lines, point } = await judgeRecovery(given, network);
  return [...lines, pointLine(opening.action.args[pointArgument], point)];
}

/**
 * Members sign the point that they open at. Our constitution refuses another; one of CCF's does not
 * know the argument, so this is where it is compared. @throws RecoveredPointDiffers
 */
function pointLine(named: JsonValue | undefined, { transactionId }: RecoveredPoint): string {
  const point = formatTransactionId(transactionId);
  if (named === undefined) return 'The proposal does not name that point.';
  if (named === point) return 'The proposal names that point.';
  const message = `The proposal is to open a ledger that ends at ${String(named)}, but it ends at ${point}.`;
  throw cliError('RecoveredPointDiffers', message);
}

/** The same for who only looks: a refusal is a line, too. */
export async function tellOpening(
  given: Given,
  network: Network,
  plans: readonly ActionPlan[],
): Promise<readonly string[]> {
  try {
    return await judgeOpening(given, network, plans);
  } catch (error) {
    if (!(error instanceof LedgerError) || error.kind !== 'refusal') throw error;
    return [`Do not vote for it. ${error.message}`];
  }
}

async function readSeen(given: Given, network: Network): Promise<readonly Seen[]> {
  const { committed, identities } = network.remembered;
  const pinned = given.text('service-certificate');
  const files = given.inOrder(['receipt']).map(({ text }) => text);
  const former = files.length === 0 ? undefined : await formerIdentity(network);
  const known = [
    ...identities.map(({ certificate }) => certificate),
    ...(pinned === undefined ? [] : [await readTextFile(pinned)]),
    ...(former ? [former.certificate] : []),
  ];
  const receipts = files.map(async (path): Promise<Seen> => {
    const receipt = coseReceiptIn(await readBytesFile(path, receiptBytesMax));
    const transactionId = await transactionOfReceipt(receipt, known, former?.endorsements);
    return { transactionId, from: `the receipt in ${path}` };
  });
  const memory: readonly Seen[] = committed
    ? [{ transactionId: committed, from: 'seen committed by these tools' }]
    : [];
  return [...memory, ...(await Promise.all(receipts))];
}

/**
 * The identity that the service says it had before, and the endorsements behind it. A receipt that
 * it did not sign does not verify by it, so nothing is believed.
 */
async function formerIdentity({ governance }: Network) {
  const found = await governance.readIfThere('/node/service/previous_identity');
  const { previous_service_identity: certificate, endorsements } = objectOf(found);
  if (typeof certificate !== 'string') return undefined;
  const rows = Array.isArray(endorsements) ? endorsements : [];
  const texts = rows.map((row: JsonValue) => objectOf(row).endorsement);
  const bytes = texts.flatMap((text) => (typeof text === 'string' ? [fromBase64(text)] : []));
  return { certificate, endorsements: bytes };
}
