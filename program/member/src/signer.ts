/** Who signs for a member: a key in memory, or a command that reaches one we never see. */
import { equalBytes } from '@coco/base';
import type { Certificate, SigningKey } from '@coco/crypto';
import { memberError } from './errors.ts';
import { runExternalCommand } from './external-command.ts';
import { readSignature, signatureHash } from './signature-form.ts';

export interface Signer {
  readonly certificate: Certificate;
  /** Returns r || s, by the certificate's key. @throws SignerFailed */
  sign(toBeSigned: Uint8Array): Promise<Uint8Array>;
}

/** @throws MemberFileInvalid when the key is not the certificate's */
export function keySigner(certificate: Certificate, key: SigningKey): Signer {
  if (!equalBytes(certificate.spki, key.spki)) {
    const message = `The private key is not the one of the certificate of ${certificate.subject}.`;
    throw memberError('MemberFileInvalid', message);
  }
  return { certificate, sign: (toBeSigned) => key.signInPool(toBeSigned) };
}

/**
 * Signs by a command that gets the bytes on stdin and writes the signature to stdout, in any form
 * that readSignature takes. It finds the hash to use in COCO_SIGNATURE_HASH.
 */
export function commandSigner(certificate: Certificate, command: string): Signer {
  return {
    certificate,
    sign: async (toBeSigned) => {
      const environment = { COCO_SIGNATURE_HASH: signatureHash(certificate) };
      const output = await runExternalCommand(command, { input: toBeSigned, environment });
      return readSignature(output, { certificate, input: toBeSigned });
    },
  };
}
