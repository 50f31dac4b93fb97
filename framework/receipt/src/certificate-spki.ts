/**
 * The public key of an X.509 certificate, by @peculiar/x509, which needs nothing of Node. It reads
 * only: whether the certificate is to be trusted is the caller's to decide.
 */
import 'reflect-metadata';
import { X509Certificate } from '@peculiar/x509';
import { refuseReceipt } from './errors.ts';

/** A certificate in PEM has some 800 characters; this bounds what we parse. */
const certificateTextMax = 16 * 1024;

/** DER SubjectPublicKeyInfo of a certificate in PEM. @throws ServiceIdentityInvalid */
export function certificateSpki(pem: string): Uint8Array {
  // Without this test the parser would take any base64 text for a certificate.
  if (pem.length > certificateTextMax || !pem.includes('-----BEGIN CERTIFICATE-----')) {
    throw refuseReceipt('ServiceIdentityInvalid', 'The text is not a certificate in PEM.', {
      length: pem.length,
    });
  }
  try {
    return new Uint8Array(new X509Certificate(pem).publicKey.rawData);
  } catch (cause) {
    throw refuseReceipt('ServiceIdentityInvalid', 'The certificate does not parse.', {}, cause);
  }
}
