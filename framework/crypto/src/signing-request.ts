/**
 * Certificate signing requests (PKCS#10, RFC 2986), made and endorsed with @peculiar/x509: a node
 * asks once, and the service endorses its key again whenever its certificate is renewed. Subject,
 * names and key of the certificate are the request's; everything else is the issuer's.
 */
import 'reflect-metadata';
import type { webcrypto } from 'node:crypto';
import * as x509 from '@peculiar/x509';
import { alternativeNames, issueCertificate, webHash, webKeyPair } from './certificate.ts';
import { refuseCrypto } from './errors.ts';
import type { SigningKey } from './signing-key.ts';

/** A request in PEM is some 700 bytes; this bounds what a peer can make us parse. */
const requestTextMax = 16 * 1024;

/** A request for a certificate of the key. Returns PEM. */
export async function createSigningRequest(options: {
  /** The common name. */
  readonly subject: string;
  readonly key: SigningKey;
  /** Host names and IP addresses for the subjectAltName. */
  readonly hosts: readonly string[];
}): Promise<string> {
  const { subject, key, hosts } = options;
  const request = await x509.Pkcs10CertificateRequestGenerator.create({
    name: [{ CN: [subject] }],
    keys: await webKeyPair(key),
    signingAlgorithm: { name: 'ECDSA', hash: webHash(key) },
    extensions: hosts.length === 0 ? [] : [alternativeNames(hosts)],
  });
  return `${request.toString('pem')}\n`;
}

/**
 * The certificate that a request asks for, by `issuer`: a leaf, never an authority. Whoever made
 * the request has shown that it holds the key. Returns PEM.
 * @throws InvalidSigningRequest
 */
export async function endorseSigningRequest(options: {
  /** PEM. */
  readonly request: string;
  readonly issuer: { readonly subject: string; readonly key: SigningKey };
  readonly notBeforeMs: number;
  readonly days: number;
}): Promise<string> {
  const { issuer, notBeforeMs, days } = options;
  const request = read(options.request);
  const publicKey = await verifiedKey(request);
  return issueCertificate({
    subject: request.subjectName,
    publicKey,
    issuer,
    isAuthority: false,
    names: request.extensions.find((one) => one instanceof x509.SubjectAlternativeNameExtension),
    notBeforeMs,
    days,
  });
}

/**
 * DER SubjectPublicKeyInfo of the key that a request asks for and is signed by.
 * @throws InvalidSigningRequest
 */
export async function signingRequestKey(pem: string): Promise<Uint8Array> {
  const request = read(pem);
  await verifiedKey(request);
  return new Uint8Array(request.publicKey.rawData);
}

function read(pem: string): x509.Pkcs10CertificateRequest {
  if (pem.length > requestTextMax) {
    throw refuseCrypto('InvalidSigningRequest', 'The signing request is too large.', {
      length: pem.length,
    });
  }
  try {
    return new x509.Pkcs10CertificateRequest(pem);
  } catch (cause) {
    throw refuseCrypto('InvalidSigningRequest', 'The signing request does not parse.', {}, cause);
  }
}

/** @throws InvalidSigningRequest when the request is not signed by the key that it names */
async function verifiedKey(request: x509.Pkcs10CertificateRequest): Promise<webcrypto.CryptoKey> {
  try {
    const key = await request.publicKey.export();
    if (await request.verify()) return key;
  } catch (cause) {
    throw refuseCrypto('InvalidSigningRequest', 'The key of the request is not usable.', {}, cause);
  }
  throw refuseCrypto('InvalidSigningRequest', 'The request is not signed by its own key.');
}
