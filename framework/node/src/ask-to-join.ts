/**
 * One request to join, over HTTPS: this node proves its key with its self-signed certificate, and
 * the other has to show one that the service endorsed. Its name does not count, its key does.
 */

import { request as httpsRequest } from 'node:https';
import { type Clock, isJsonObject, LedgerError, parseJson } from '@coco/base';
import { keyExchangeGroups } from '@coco/peers';
import type { NodeKeys } from './identities.ts';
import { parseAddress } from './node-addresses.ts';

/** The primary waits up to 5 s for a commit. */
const askMsMax = 10_000;
/** The ledger secrets of ten years of daily rekeys fit. */
const answerBytesMax = 4 * 1024 * 1024;
const messageTextMax = 500;

export type JoinReply =
  | { readonly kind: 'answer'; readonly body: Uint8Array }
  | { readonly kind: 'redirect'; readonly address: string }
  | { readonly kind: 'refused'; readonly code: string; readonly message: string }
  /** Nobody answered as a node of the service that is ready: it may be later. */
  | { readonly kind: 'unreachable'; readonly reason: string };

export interface JoinQuestion {
  /** host:port */
  readonly address: string;
  readonly body: Uint8Array;
  /** What the other node's certificate has to be endorsed by. */
  readonly servicePem: string;
  readonly keys: NodeKeys;
  readonly clock: Clock;
  readonly signal: AbortSignal;
}

export async function askToJoin(question: JoinQuestion): Promise<JoinReply> {
  try {
    const { status, location, body } = await exchange(question);
    if (status === 200) return { kind: 'answer', body };
    if (status === 307 || status === 308) {
      const address = /^https:\/\/([^/]+)\/node\/join$/.exec(location ?? '')?.[1];
      if (parseAddress(address) && address !== undefined) return { kind: 'redirect', address };
      return { kind: 'unreachable', reason: 'It points to no address.' };
    }
    const { code, message } = errorOf(body);
    if (status >= 400 && status < 500) return { kind: 'refused', code, message };
    return { kind: 'unreachable', reason: message };
  } catch (error) {
    return { kind: 'unreachable', reason: reasonOf(error) };
  }
}

interface Exchanged {
  readonly status: number;
  readonly location: string | undefined;
  readonly body: Uint8Array;
}

function exchange(question: JoinQuestion): Promise<Exchanged> {
  const { address, body, servicePem, keys, clock, signal } = question;
  const { promise, resolve, reject } = Promise.withResolvers<Exchanged>();
  const outgoing = httpsRequest(`https://${address}/node/join`, {
    method: 'POST',
    agent: false,
    signal,
    ca: servicePem,
    cert: keys.selfSignedPem,
    key: keys.key.privatePem(),
    minVersion: 'TLSv1.3',
    ecdhCurve: keyExchangeGroups,
    checkServerIdentity: () => undefined,
    headers: { 'content-type': 'application/json', 'content-length': body.length },
  });
  const cancel = clock.setTimer(askMsMax, () => outgoing.destroy(new Error('no answer in time')));
  outgoing.on('error', reject);
  outgoing.on('response', (answer) => {
    const parts: Uint8Array[] = [];
    let length = 0;
    answer.on('data', (part: Uint8Array) => {
      length += part.length;
      if (length > answerBytesMax) outgoing.destroy(new Error('the answer is too large'));
      else parts.push(part);
    });
    answer.on('error', reject);
    answer.on('close', () => reject(new Error('the answer ended early')));
    answer.on('end', () => {
      const { location } = answer.headers;
      resolve({ status: answer.statusCode ?? 0, location, body: Buffer.concat(parts) });
    });
  });
  outgoing.end(body);
  return promise.finally(cancel);
}

/** The other's sentence, as far as it is one. */
function errorOf(body: Uint8Array): { readonly code: string; readonly message: string } {
  const fallback = { code: 'Unknown', message: 'It answers with an error.' };
  try {
    const value = parseJson(body, { bytesMax: 64 * 1024, depthMax: 8 });
    const error = isJsonObject(value) ? value.error : undefined;
    if (!isJsonObject(error)) return fallback;
    const { code, message } = error;
    return typeof code === 'string' && typeof message === 'string'
      ? { code: printable(code), message: printable(message) }
      : fallback;
  } catch (error) {
    if (error instanceof LedgerError) return fallback;
    throw error;
  }
}

/** It goes to a log and a terminal. */
function printable(text: string): string {
  return text.slice(0, messageTextMax).replaceAll(/[^\x20-\x7e]/g, ' ');
}

const certificateFaults: ReadonlySet<string> = new Set([
  'DEPTH_ZERO_SELF_SIGNED_CERT',
  'SELF_SIGNED_CERT_IN_CHAIN',
  'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
  'UNABLE_TO_GET_ISSUER_CERT',
  'UNABLE_TO_GET_ISSUER_CERT_LOCALLY',
  'CERT_SIGNATURE_FAILURE',
  'CERT_HAS_EXPIRED',
  'CERT_NOT_YET_VALID',
]);

function reasonOf(error: unknown): string {
  const { code, message } = error as NodeJS.ErrnoException;
  // The words of CCF: tools look for them.
  if (certificateFaults.has(code ?? '')) return `invalid cert on handshake (${code})`;
  return code ?? message;
}
