/**
 * The functions by which actions renew certificates: they make the certificate; the action puts it
 * into the table, and nodes take it from there when it is committed.
 */
import { refuse } from '@coco/base';
import type { ScriptValue } from '@coco/isolate';
import { parseCertificateTime } from './certificate-time.ts';
import { certifyService, endorseNode, type Validity } from './certificates.ts';
import type { NativeFunction, NativeFunctions } from './native-function.ts';

export const certificateFunctions: NativeFunctions = new Map<string, NativeFunction>([
  [
    'network.generateEndorsedCertificate',
    ({ transaction, ports }, [request, validFrom, days]) =>
      endorseNode(transaction, textOf(request), validityOf(validFrom, days), ports),
  ],
  [
    'network.generateNetworkCertificate',
    ({ transaction, ports }, [validFrom, days]) =>
      certifyService(transaction, validityOf(validFrom, days), ports),
  ],
]);

/** @throws InvalidInput */
function validityOf(validFrom: ScriptValue, days: ScriptValue): Validity {
  if (typeof days !== 'number') {
    throw refuse('InvalidInput', 'A validity period is a number of days.');
  }
  return { notBeforeMs: parseCertificateTime(textOf(validFrom)), days };
}

function textOf(value: ScriptValue): string {
  if (typeof value === 'string') return value;
  throw refuse('InvalidInput', 'A signing request and a time are texts.');
}
