/**
 * What it takes to find out who calls, by policy, with few and with 10,000 users and token keys in
 * the ledger: a request's path must not slow down as a consortium grows.
 * `node framework/governance/bench/authentication.bench.ts [--json]`; ends with 1 over a budget.
 */
import { createHash, generateKeyPairSync } from 'node:crypto';
import { asSeqno, assert, coseHeader, emptyBytes, present, toHex, utf8Encode } from '@coco/base';
import { createCertificate, parseCertificate, SigningKey, signCose } from '@coco/crypto';
import { type AuthenticationPolicy, authenticate, type Request } from '@coco/endpoint';
import { Store } from '@coco/kv';
import { SignJWT } from 'jose';
import { tokenKeys } from '../src/jwt-tables.ts';
import { identityLookup } from '../src/members.ts';
import { userCertificates, userInfos } from '../src/tables.ts';

const few = 10;
const many = 10_000;
/** The bar: no linear slow-down. Ten times as many levels of the tree would show. */
const slowdownMax = 1.3;
const rounds = 15;
const callsPerRound = 100;
/** Milliseconds of one authentication; half of it is the signature, made on P-256 or RSA-2048. */
const budgetMs: Readonly<Record<string, number>> = { user_cert: 0.4, jwt: 0.4, user_cose_sign1: 1 };
const isJson = process.argv.includes('--json');
const nowMs = Date.UTC(2026, 10, 26);

const key = SigningKey.generate('P-256');
const rsa = generateKeyPairSync('rsa', { modulusLength: 2048 });
const certificate = parseCertificate(
  await createCertificate({ subject: 'u', key, isAuthority: false, notBeforeMs: nowMs, days: 9 }),
);

/** A state with `count` users and as many keys of token issuers; the caller is one of them. */
function storeWith(count: number): Store {
  const store = new Store();
  const transaction = store.begin();
  const publicKey = rsa.publicKey.export({ type: 'spki', format: 'der' });
  for (let at = 0; at < count; at++) {
    const isCaller = at === Math.floor(count / 2);
    const id = isCaller ? certificate.id : toHex(createHash('sha256').update(`${at}`).digest());
    userCertificates.put(transaction, id, certificate.pem);
    userInfos.put(transaction, id, { user_data: { name: `user ${at}` } });
    const row = { publicKey, issuer: `https://issuer${at}`, constraint: `https://issuer${at}` };
    tokenKeys.put(transaction, isCaller ? 'k' : `key ${at}`, [
      isCaller ? { ...row, issuer: 'https://issuer', constraint: 'https://issuer' } : row,
    ]);
  }
  store.apply(transaction.writeSet(), asSeqno(1));
  store.seal();
  store.commit(asSeqno(1));
  return store;
}

async function requestOf(policy: string): Promise<Request> {
  const claims = { iss: 'https://issuer', exp: nowMs / 1000 + 9 };
  const token = await new SignJWT(claims)
    .setProtectedHeader({ alg: 'RS256', kid: 'k' })
    .sign(rsa.privateKey);
  const protectedHeader = new Map<number, number | Uint8Array>([
    [coseHeader.algorithm, key.algorithm],
    [coseHeader.keyId, utf8Encode(certificate.id)],
  ]);
  const body = signCose({ key, protectedHeader, payload: utf8Encode('order'), isDetached: false });
  return {
    method: 'POST',
    path: '/app/x',
    query: new Map(),
    headers: new Map([
      ['authorization', `Bearer ${token}`],
      ['content-type', 'application/cose'],
    ]),
    body: policy === 'user_cose_sign1' ? body : emptyBytes,
    clientCertificate: certificate.der,
  };
}

/** The median over the rounds, in milliseconds. */
function measure(policy: AuthenticationPolicy, request: Request, store: Store): number {
  const times: number[] = [];
  for (let round = 0; round < rounds; round++) {
    const startMs = performance.now();
    for (let call = 0; call < callsPerRound; call++) {
      const lookup = identityLookup(store.readAt(store.seqno));
      const result = authenticate({ authentication: [policy] }, request, { lookup, nowMs });
      assert(result.kind === 'caller', 'the caller is known');
    }
    times.push((performance.now() - startMs) / callsPerRound);
  }
  times.sort((left, right) => left - right);
  return present(times[Math.floor(rounds / 2)], 'there are rounds');
}

const [small, large] = [storeWith(few), storeWith(many)];
const figures: Record<string, { fewMs: number; manyMs: number; budgetMs: number }> = {};
let missed = 0;
for (const policy of ['user_cert', 'jwt', 'user_cose_sign1'] as const) {
  const request = await requestOf(policy);
  measure(policy, request, large);
  const [fewMs, manyMs] = [measure(policy, request, small), measure(policy, request, large)];
  const limitMs = present(budgetMs[policy], 'each policy has a budget');
  figures[policy] = { fewMs, manyMs, budgetMs: limitMs };
  if (manyMs > limitMs || manyMs > fewMs * slowdownMax) missed++;
}
if (isJson) console.log(JSON.stringify({ users: many, figures }));
else {
  for (const [policy, { fewMs, manyMs, budgetMs: limitMs }] of Object.entries(figures)) {
    const text = `${fewMs.toFixed(3)} ms with ${few}, ${manyMs.toFixed(3)} ms with ${many} users`;
    console.log(`${policy.padEnd(16)} ${text} (at most ${limitMs} ms and ${slowdownMax} times)`);
  }
}
process.exitCode = missed === 0 ? 0 : 1;
