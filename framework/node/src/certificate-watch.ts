/** Warns in time when a certificate nears its end, and again each day. */

import type { Clock, Log } from '@coco/base';
import { parseCertificate } from '@coco/crypto';
import { certificateWarningFraction } from './identities.ts';

const dayMs = 86_400_000;

/** Looks at once and daily; the returned function ends the watch. */
export function watchCertificates(options: {
  readonly clock: Clock;
  readonly log: Log;
  /** Whose it is, and PEM: asked at each look. */
  readonly certificates: () => ReadonlyMap<string, string>;
}): () => void {
  const { clock, log, certificates } = options;
  let cancel = () => {};
  const look = () => {
    for (const [owner, pem] of certificates()) {
      const { notBeforeMs, notAfterMs } = parseCertificate(pem);
      const leftMs = notAfterMs - clock.nowMs();
      if (leftMs < (notAfterMs - notBeforeMs) * certificateWarningFraction) {
        const daysLeft = Math.floor(leftMs / dayMs);
        log.write('warning', 'certificate.ending', { owner, daysLeft });
      }
    }
    cancel = clock.setTimer(dayMs, look);
  };
  look();
  return () => cancel();
}
