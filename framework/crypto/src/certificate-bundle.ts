/**
 * Several certificates in one text, as operators keep their trusted ones, and whether a chain leads
 * to one of them (RFC 5280 section 6, without policies and name constraints).
 */
import { X509Certificate } from 'node:crypto';

const certificatePattern = /-----BEGIN CERTIFICATE-----[^-]*-----END CERTIFICATE-----/g;
/** Bounds what a caller can make us parse. */
const bundleBytesMax = 1024 * 1024;
const chainLengthMax = 16;

/** Whether the text holds certificates in PEM, all of which parse. */
export function isCertificateBundle(pem: string): boolean {
  return parseBundle(pem) !== undefined;
}

/**
 * Whether the first certificate of `chain` is one of `trusted`, or leads to one over the others of
 * the chain, every one valid at that time. Any trusted certificate ends a chain, a root or not.
 */
export function isCertificateChain(options: {
  readonly chain: string;
  readonly trusted: string;
  readonly nowMs: number;
}): boolean {
  const [target, ...others] = parseBundle(options.chain) ?? [];
  const trusted = parseBundle(options.trusted) ?? [];
  let subject = target;
  for (let length = 0; subject !== undefined && length < chainLengthMax; length++) {
    const child = subject;
    if (!isValidAt(child, options.nowMs)) return false;
    if (trusted.some((anchor) => anchor.raw.equals(child.raw))) return true;
    const anchor = trusted.find((candidate) => isIssuedBy(child, candidate));
    if (anchor !== undefined) return isValidAt(anchor, options.nowMs);
    subject = others.find((candidate) => candidate !== child && isIssuedBy(child, candidate));
  }
  return false;
}

function parseBundle(pem: string): readonly X509Certificate[] | undefined {
  if (pem.length > bundleBytesMax) return undefined;
  const texts = pem.match(certificatePattern);
  if (texts === null) return undefined;
  try {
    return texts.map((text) => new X509Certificate(text));
  } catch {
    return undefined;
  }
}

function isIssuedBy(child: X509Certificate, issuer: X509Certificate): boolean {
  try {
    return issuer.ca && child.checkIssued(issuer) && child.verify(issuer.publicKey);
  } catch {
    // The issuer's key is of a kind that OpenSSL does not know.
    return false;
  }
}

function isValidAt(certificate: X509Certificate, nowMs: number): boolean {
  return Date.parse(certificate.validFrom) <= nowMs && nowMs <= Date.parse(certificate.validTo);
}
