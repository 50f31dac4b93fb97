/** Any well-formed handle, for property tests. */
import { asSeqno, asView } from '@coco/base';
import fc from 'fast-check';
import type { Handle } from '../src/index.ts';

export const anyHandle: fc.Arbitrary<Handle> = fc
  .record(
    {
      kind: fc.constantFrom('genesis' as const, 'opening' as const, 'batch' as const),
      view: fc.integer({ min: 1, max: 0x7fff_ffff }),
      firstSeqno: fc.integer({ min: 1, max: Number.MAX_SAFE_INTEGER - 0xffff_ffff }),
      entryCount: fc.integer({ min: 1, max: 0xffff_ffff }),
      bodyBytes: fc.integer({ min: 1, max: 0xffff_ffff }),
      digest: fc.uint8Array({ minLength: 32, maxLength: 32 }),
    },
    { noNullPrototype: true },
  )
  .map((fields) => ({
    ...fields,
    view: asView(fields.view),
    firstSeqno: asSeqno(fields.firstSeqno),
  }));
