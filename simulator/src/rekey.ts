/**
 * A rekey as governance makes one, but for how the secret travels: production encrypts it to each
 * node's key with random padding, which no seed repeats; here it stands in a private row.
 */
import { asSeqno, type Random, utf8Encode } from '@coco/base';
import { type LedgerSecrets, ledgerSecretBytes, type OpenedEntry } from '@coco/ledger';
import type { BatchPipeline } from '@coco/replication';

const secretsMap = 'simulator.secrets';
const newestKey = utf8Encode('newest');

/** @throws NodeCannotHandleRequest, TooManyPendingTransactions */
export function rekey(pipeline: BatchPipeline, random: Random): void {
  const secret = random.bytes(ledgerSecretBytes);
  pipeline.execute((transaction) => {
    transaction.map(secretsMap).set(newestKey, secret);
    return {
      result: undefined,
      whenAppended: ({ seqno }) => pipeline.state.sequencer.rekey(asSeqno(seqno + 1), secret),
    };
  });
}

/** What a node does with each entry that it follows: the secret that it brings is in force. */
export function takeSecret({ id, writeSet }: OpenedEntry, secrets: LedgerSecrets): void {
  const map = writeSet.maps.find(({ name }) => name === secretsMap);
  const value = map?.rows[0]?.value;
  if (value) secrets.add(asSeqno(id.seqno + 1), value);
}
