/**
 * Policies of TLS client certificates. The handshake proved that the client holds the key; who
 * that is, the tables of members, users and nodes say: no CA does.
 */
import { toHex } from '@coco/base';
import { type Certificate, parseCertificate, sha256 } from '@coco/crypto';
import type { Attempt, AttemptContext } from './attempt.ts';
import type { Request } from './request.ts';

type CertificatePolicy = 'any_cert' | 'user_cert' | 'member_cert';

const absent: Readonly<Record<CertificatePolicy, string>> = {
  any_cert: 'No caller certificate',
  user_cert: 'No caller user certificate',
  member_cert: 'No caller member certificate',
};

/** A connection shows the same bytes with each of its requests. */
const parsed = new WeakMap<Uint8Array, Certificate>();

/** @throws InvalidCertificate */
function certificateOf(bytes: Uint8Array): Certificate {
  const known = parsed.get(bytes);
  if (known) return known;
  const certificate = parseCertificate(bytes);
  parsed.set(bytes, certificate);
  return certificate;
}

/** @throws InvalidCertificate for bytes that are no certificate */
export function attemptCertificate(
  policy: CertificatePolicy,
  request: Request,
  context: AttemptContext,
): Attempt {
  if (!request.clientCertificate) return { refusal: absent[policy] };
  const certificate = certificateOf(request.clientCertificate);
  const { id } = certificate;
  // A member's standing is the consortium's decision, not a date's: CCF checks no dates here.
  const untimely = policy === 'member_cert' ? undefined : untimeliness(certificate, context.nowMs);
  if (untimely !== undefined) return { refusal: untimely };
  if (policy === 'any_cert') return { caller: { policy, id, certificate: certificate.der } };
  const isUser = policy === 'user_cert';
  const party = isUser ? context.lookup.user(id) : context.lookup.member(id);
  if (party) return { caller: { policy, id, ...party } };
  return { refusal: `Could not find matching ${isUser ? 'user' : 'member'} certificate` };
}

/**
 * A node goes by its key: no authority vouches for it, the ledger does, and so no date counts.
 * @throws InvalidCertificate for bytes that are no certificate
 */
export function attemptNode(request: Request, { lookup }: AttemptContext): Attempt {
  if (!request.clientCertificate) return { refusal: 'No caller node certificate' };
  const { spki, der } = certificateOf(request.clientCertificate);
  const id = toHex(sha256(spki));
  if (!lookup.isTrustedNode(id)) return { refusal: 'Could not find matching node certificate' };
  return { caller: { policy: 'node_cert', id, certificate: der } };
}

function untimeliness(
  { notBeforeMs, notAfterMs }: { readonly notBeforeMs: number; readonly notAfterMs: number },
  nowMs: number,
): string | undefined {
  const [now, from, to] = [nowMs, notBeforeMs, notAfterMs].map((ms) => Math.floor(ms / 1000)) as [
    number,
    number,
    number,
  ];
  if (now < from) {
    return `Current time ${now} is before certificate's Not Before validity period ${from}`;
  }
  if (now > to) {
    return `Current time ${now} is after certificate's Not After validity period ${to}`;
  }
  return undefined;
}
