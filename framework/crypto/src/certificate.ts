/**
 * X.509 certificates (RFC 5280): made with @peculiar/x509, read with node:crypto. The service's
 * certificate is a root with path length 1 (CCF's shape); nodes' and members' are leaves.
 */
import 'reflect-metadata';
import {
  type KeyObject,
  X509Certificate as NodeCertificate,
  randomBytes,
  webcrypto,
} from 'node:crypto';
import { toHex } from '@coco/base';
import * as x509 from '@peculiar/x509';
import { sha256 } from './digest.ts';
import { refuseCrypto } from './errors.ts';
import type { SigningKey } from './signing-key.ts';

const dayMs = 86_400_000;
const serialBytes = 16;
/** IPv4 in dots or IPv6 in colons; anything else is a DNS name. */
const addressPattern = /^\d{1,3}(\.\d{1,3}){3}$|:/;
/** A certificate in PEM is some 800 bytes; this bounds what a peer can make us parse. */
const certificateBytesMax = 16 * 1024;

export interface Certificate {
  readonly pem: string;
  readonly der: Uint8Array;
  readonly spki: Uint8Array;
  readonly subject: string;
  readonly issuer: string;
  readonly notBeforeMs: number;
  readonly notAfterMs: number;
  /** Lower-case hex of SHA-256(der): the id of a member or user. */
  readonly id: string;
}

export interface CertificateOptions {
  /** The common name. */
  readonly subject: string;
  readonly key: SigningKey;
  /** Absent for a self-signed certificate. */
  readonly issuer?: { readonly subject: string; readonly key: SigningKey };
  readonly isAuthority: boolean;
  /** Host names and IP addresses for the subjectAltName. */
  readonly hosts?: readonly string[];
  readonly notBeforeMs: number;
  readonly days: number;
}

/** Makes a certificate; valid_to = valid_from + days - 1 s, as CCF has it. Returns PEM. */
export async function createCertificate(options: CertificateOptions): Promise<string> {
  const { subject, key, hosts = [], isAuthority, notBeforeMs, days } = options;
  const { publicKey } = await webKeyPair(key);
  return issueCertificate({
    subject: [{ CN: [subject] }],
    publicKey,
    issuer: options.issuer ?? { subject, key },
    isAuthority,
    names: hosts.length === 0 ? undefined : alternativeNames(hosts),
    notBeforeMs,
    days,
  });
}

interface IssueOptions {
  readonly subject: x509.X509CertificateCreateParamsName;
  readonly publicKey: webcrypto.CryptoKey;
  readonly issuer: { readonly subject: string; readonly key: SigningKey };
  readonly isAuthority: boolean;
  readonly names: x509.SubjectAlternativeNameExtension | undefined;
  readonly notBeforeMs: number;
  readonly days: number;
}

/** For signing-request.ts, whose keys and names come parsed. */
export async function issueCertificate(options: IssueOptions): Promise<string> {
  const { issuer, publicKey } = options;
  const issuerPair = await webKeyPair(issuer.key);
  const notBefore = new Date(Math.floor(options.notBeforeMs / 1000) * 1000);
  const serial = randomBytes(serialBytes);
  serial[0] = ((serial[0] as number) & 0x7f) | 0x40;
  const certificate = await x509.X509CertificateGenerator.create({
    serialNumber: toHex(serial),
    subject: options.subject,
    issuer: [{ CN: [issuer.subject] }],
    notBefore,
    notAfter: new Date(notBefore.getTime() + options.days * dayMs - 1000),
    publicKey,
    signingKey: issuerPair.privateKey,
    signingAlgorithm: { name: 'ECDSA', hash: webHash(issuer.key) },
    extensions: await extensionsOf(options, publicKey, issuerPair.publicKey),
  });
  return `${certificate.toString('pem')}\n`;
}

async function extensionsOf(
  options: IssueOptions,
  publicKey: webcrypto.CryptoKey,
  issuerKey: webcrypto.CryptoKey,
): Promise<x509.Extension[]> {
  const extensions: x509.Extension[] = [
    options.isAuthority
      ? new x509.BasicConstraintsExtension(true, 1, true)
      : new x509.BasicConstraintsExtension(false, undefined, true),
    await x509.SubjectKeyIdentifierExtension.create(publicKey),
    await x509.AuthorityKeyIdentifierExtension.create(issuerKey),
  ];
  if (options.isAuthority) {
    const { digitalSignature, keyCertSign, cRLSign } = x509.KeyUsageFlags;
    extensions.push(new x509.KeyUsagesExtension(digitalSignature | keyCertSign | cRLSign, true));
  }
  if (options.names) extensions.push(options.names);
  return extensions;
}

/** The subjectAltName of host names and IP addresses. */
export function alternativeNames(hosts: readonly string[]): x509.SubjectAlternativeNameExtension {
  const names = hosts.map(
    (value): x509.JsonGeneralName => ({ type: addressPattern.test(value) ? 'ip' : 'dns', value }),
  );
  return new x509.SubjectAlternativeNameExtension(names);
}

/** The hash that goes with the key, by WebCrypto's name. */
export function webHash(key: SigningKey): string {
  return { 'P-256': 'SHA-256', 'P-384': 'SHA-384', 'P-521': 'SHA-512' }[key.curve];
}

/** The key as WebCrypto has it. */
export async function webKeyPair(key: SigningKey): Promise<webcrypto.CryptoKeyPair> {
  const algorithm = { name: 'ECDSA', namedCurve: key.curve };
  const { subtle } = webcrypto;
  const pkcs8 = key.privateKey.export({ type: 'pkcs8', format: 'der' });
  return {
    privateKey: await subtle.importKey('pkcs8', pkcs8, algorithm, true, ['sign']),
    publicKey: await subtle.importKey('spki', key.spki, algorithm, true, ['verify']),
  };
}

/** Parses PEM or DER. @throws InvalidCertificate */
export function parseCertificate(source: string | Uint8Array): Certificate {
  const certificate = read(source);
  return {
    pem: certificate.toString(),
    der: certificate.raw,
    spki: publicKeyOf(certificate).export({ type: 'spki', format: 'der' }),
    subject: commonName(certificate.subject),
    issuer: commonName(certificate.issuer),
    notBeforeMs: Date.parse(certificate.validFrom),
    notAfterMs: Date.parse(certificate.validTo),
    id: toHex(sha256(certificate.raw)),
  };
}

function read(source: string | Uint8Array): NodeCertificate {
  if (source.length > certificateBytesMax) {
    throw refuseCrypto('InvalidCertificate', 'The certificate is too large.', {
      length: source.length,
    });
  }
  try {
    return new NodeCertificate(source);
  } catch (cause) {
    throw refuseCrypto('InvalidCertificate', 'The certificate does not parse.', {}, cause);
  }
}

/** The key inside is decoded only when it is asked for, and need not decode. */
function publicKeyOf(certificate: NodeCertificate): KeyObject {
  try {
    return certificate.publicKey;
  } catch (cause) {
    throw refuseCrypto('InvalidCertificate', 'The certificate holds no usable key.', {}, cause);
  }
}

function commonName(subject: string): string {
  return /^CN=(.*)$/m.exec(subject)?.[1] ?? subject;
}

/** Whether `parent` (PEM or DER) signed `child`, and names fit. @throws InvalidCertificate */
export function certificateIssuedBy(
  child: string | Uint8Array,
  parent: string | Uint8Array,
): boolean {
  const [childCertificate, parentCertificate] = [read(child), read(parent)];
  return (
    childCertificate.checkIssued(parentCertificate) &&
    childCertificate.verify(publicKeyOf(parentCertificate))
  );
}
