/** What a member looks at before it helps to open a recovered service, and where it refuses. */
import { formatTransactionId } from '@coco/base';
import {
  type ActionPlan,
  assertRecoveredEnough,
  readBytesFile,
  readTextFile,
  recoveredPoint,
  type Seen,
  transactionOfReceipt,
} from '@coco/member';
import type { Flag, Given } from './command-line.ts';
import type { Network } from './network.ts';
import { coseReceiptIn } from './receipt-bundle.ts';

const receiptBytesMax = 8 * 1024 * 1024;

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

/**
 * Lines about the recovered ledger, for the person who decides.
 * @throws RecoveredTooLittle, and what verifying the receipts given throws
 */
export async function judgeRecovery(given: Given, network: Network): Promise<readonly string[]> {
  const { createdBy } = await network.governance.info();
  const point = recoveredPoint(createdBy);
  const seen = await readSeen(given, network);
  assertRecoveredEnough(point, seen);
  const known = seen.map(
    ({ transactionId, from }) => `${formatTransactionId(transactionId)} (${from})`,
  );
  const { evidence } = network.client;
  return [
    `The recovered ledger ends at transaction ${formatTransactionId(point)}.`,
    known.length === 0
      ? 'Nothing is known here that was committed before, so whether it is complete cannot be judged.'
      : `It has all that is known here: ${known.join(', ')}.`,
    `Its node runs code with measurement ${evidence.measurement}` +
      `${evidence.isConfidential ? '' : ', on a platform that is not confidential'}.`,
  ];
}

/** Of a proposal that opens a recovered service; of others there is nothing to say. */
export async function judgeOpening(
  given: Given,
  network: Network,
  plans: readonly ActionPlan[],
): Promise<readonly string[]> {
  const opens = plans.some(({ action }) => action.name === 'transition_service_to_open');
  const { status } = await network.governance.info();
  return opens && isRecovering(status) ? judgeRecovery(given, network) : [];
}

async function readSeen(given: Given, { remembered }: Network): Promise<readonly Seen[]> {
  const { committed, identities } = remembered;
  const pinned = given.text('service-certificate');
  const known = [
    ...identities.map(({ certificate }) => certificate),
    ...(pinned === undefined ? [] : [await readTextFile(pinned)]),
  ];
  const receipts = given.inOrder(['receipt']).map(async ({ text: path }): Promise<Seen> => {
    const receipt = coseReceiptIn(await readBytesFile(path, receiptBytesMax));
    const transactionId = await transactionOfReceipt(receipt, known);
    return { transactionId, from: `the receipt in ${path}` };
  });
  const memory: readonly Seen[] = committed
    ? [{ transactionId: committed, from: 'seen committed by these tools' }]
    : [];
  return [...memory, ...(await Promise.all(receipts))];
}
