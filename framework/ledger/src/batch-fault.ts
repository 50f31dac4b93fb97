/** The fault of a committed batch that does not hold. */
import type { LedgerError, Seqno, View } from '@coco/base';
import { ledgerError } from './errors.ts';

/** `reason` goes on after "it does not verify:". */
export function unverified(
  { view, firstSeqno }: { readonly view: View; readonly firstSeqno: Seqno },
  reason: string,
  cause?: unknown,
): LedgerError {
  const message = `The committed batch at ${view}.${firstSeqno} does not verify: ${reason}`;
  return ledgerError('BatchUnverified', message, { view, seqno: firstSeqno }, cause);
}
