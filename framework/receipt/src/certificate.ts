/**
 * What a verifier needs of X.509 certificates (RFC 5280), by @peculiar/x509, which needs nothing of
 * Node: the public key, and whether one certificate issued another.
 */
import 'reflect-metadata';
import { BasicConstraintsExtension, X509Certificate } from '@peculiar/x509';
import { refuseReceipt } from './errors.ts';

/** A certificate in PEM has some 800 characters; this bounds what we parse. */
const certificateTextMax = 16 * 1024;

/** DER SubjectPublicKeyInfo of a certificate in PEM. @throws ServiceIdentityInvalid */
export function certificateSpki(pem: string): Uint8Array {
  return new Uint8Array(read(pem).publicKey.rawData);
}

/**
 * Whether `issuer` (PEM) is an authority that signed `certificate` (PEM) and both are valid at
 * `atMs` (Unix time). A self-signed authority issues itself.
 * @throws ServiceIdentityInvalid when a text is not a certificate
 */
export async function isCertificateIssuedBy(options: {
  readonly certificate: string;
  readonly issuer: string;
  readonly atMs: number;
}): Promise<boolean> {
  const [certificate, issuer] = [read(options.certificate), read(options.issuer)];
  if (!issuer.getExtension(BasicConstraintsExtension)?.ca) return false;
  if (certificate.issuer !== issuer.subject || !isValidAt(issuer, options.atMs)) return false;
  const date = new Date(options.atMs);
  try {
    return await certificate.verify({ publicKey: issuer.publicKey, date }, globalThis.crypto);
  } catch {
    // The library throws where algorithm and key do not fit: then this issuer did not sign it.
    return false;
  }
}

function isValidAt(certificate: X509Certificate, atMs: number): boolean {
  return certificate.notBefore.getTime() <= atMs && atMs <= certificate.notAfter.getTime();
}

function read(pem: string): X509Certificate {
  // The parser would take any base64 text, and the first of several certificates; but who hands the
  // text on, say to TLS as the one authority, must not trust more than was looked at here.
  const isOne =
    pem.split('-----BEGIN ').length === 2 && pem.includes('-----BEGIN CERTIFICATE-----');
  if (pem.length > certificateTextMax || !isOne) {
    throw refuseReceipt('ServiceIdentityInvalid', 'The text is not one certificate in PEM.', {
      length: pem.length,
    });
  }
  try {
    return new X509Certificate(pem);
  } catch (cause) {
    throw refuseReceipt('ServiceIdentityInvalid', 'The certificate does not parse.', {}, cause);
  }
}
