/**
 * What a client holds on to: every node gives a receipt of everything that was acknowledged, and it
 * verifies offline against the service's certificate alone; across recoveries with endorsements.
 */
import { formatTransactionId } from '@coco/base';
import { receiptEndpoint } from '@coco/node';
import { verifyReceipt } from '@coco/receipt';
import type { Chance } from './chance.ts';
import type { Member } from './cluster.ts';
import type { CommittedLog } from './committed-log.ts';
import { check } from './errors.ts';
import type { ServiceIdentity } from './identities.ts';

/** Each costs a signature's verification: some of many say it of all. */
const receiptsMax = 12;

function seqnoOf(id: string): number {
  return Number(id.split('.')[1]);
}

export async function checkReceipts(
  members: readonly Member[],
  acknowledged: readonly string[],
  parts: {
    readonly log: CommittedLog;
    readonly service: ServiceIdentity;
    readonly chance: Chance;
  },
): Promise<void> {
  for (const { node } of members) {
    const endpoint = receiptEndpoint({
      tracker: node.tracker,
      secrets: parts.log.secrets,
      readCovered: ({ seqno }) => node.host.readCovered(seqno),
    });
    // What lies before the snapshot that it began from, a node has no files of.
    const held = acknowledged.filter((id) => seqnoOf(id) > node.startedAfter);
    for (const id of parts.chance.shuffle(held).slice(0, receiptsMax)) {
      const { body } = await endpoint.handle({
        request: {
          method: 'GET',
          path: endpoint.path,
          query: new Map([['transaction_id', id]]),
          headers: new Map(),
          body: new Uint8Array(0),
          clientCertificate: undefined,
        },
        caller: { policy: 'no_auth' },
        parameters: new Map(),
      });
      const verified = await verifyReceipt({
        receipt: body,
        serviceIdentity: parts.service.certificatePem,
        endorsements: parts.log.endorsements,
      });
      const shown = formatTransactionId(verified.transactionId);
      check(shown === id, `${node.name} gives a receipt of ${shown} for ${id}`);
    }
  }
}
