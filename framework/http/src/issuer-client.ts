/**
 * Asks an issuer of tokens for its keys, over TLS whose only roots are those that the consortium
 * named for it: OpenID Connect Discovery 1.0, section 4, then the key set (RFC 7517). The issuer is
 * a stranger: what it sends is bounded in size and time, and a redirect is a refusal.
 */

import type { IncomingMessage } from 'node:http';
import { type RequestOptions, request } from 'node:https';
import {
  type Clock,
  concatBytes,
  isJsonObject,
  type JsonValue,
  LedgerError,
  parseJson,
} from '@coco/base';
import { parseCertificate } from '@coco/crypto';
import { httpError } from './errors.ts';

/** Key sets have some 10 KB. */
const answerBytesMax = 256 * 1024;
const headerBytesMax = 16 * 1024;
/** For both answers together, from the first packet on. */
const wholeMsMax = 20_000;
const jsonLimits = { bytesMax: answerBytesMax, depthMax: 16 };

export interface FetchedKeys {
  readonly keySet: JsonValue;
  /** The issuer that the keys are for, as it calls itself. */
  readonly constraint: string | undefined;
}

/** @throws TokenIssuerFailed */
export async function fetchIssuerKeys(options: {
  /** An https URL. */
  readonly issuer: string;
  /** PEM. */
  readonly roots: string;
  readonly clock: Clock;
  /** Ends the asking. */
  readonly signal: AbortSignal;
}): Promise<FetchedKeys> {
  const { issuer, clock } = options;
  const roots = certificatesOf(options.roots);
  const late = new AbortController();
  const cancel = clock.setTimer(wholeMsMax, () => late.abort());
  const place = { roots, signal: AbortSignal.any([late.signal, options.signal]) };
  try {
    const metadata = await fetchJson(
      `${issuer.replace(/\/$/, '')}/.well-known/openid-configuration`,
      place,
    );
    const fields = isJsonObject(metadata) ? metadata : {};
    const { jwks_uri: keysUrl, issuer: constraint } = fields;
    if (typeof keysUrl !== 'string') throw failed('its metadata has no jwks_uri');
    if (constraint !== undefined && typeof constraint !== 'string') {
      throw failed('its metadata names no issuer');
    }
    return { keySet: await fetchJson(keysUrl, place), constraint };
  } catch (cause) {
    if (late.signal.aborted) throw failed(`it took longer than ${wholeMsMax} ms`, cause);
    throw cause;
  } finally {
    cancel();
  }
}

/** Each alone: TLS takes an empty text for the roots of the system, and skips what it cannot read. */
function certificatesOf(bundle: string): string[] {
  const blocks = bundle.match(/-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g) ?? [];
  try {
    if (blocks.length > 0) return blocks.map((block) => parseCertificate(block).pem);
  } catch (cause) {
    if (!(cause instanceof LedgerError)) throw cause;
    throw failed('a root that is named for it does not parse', cause);
  }
  throw failed('no root is named for it');
}

interface Place {
  readonly roots: string[];
  readonly signal: AbortSignal;
}

async function fetchJson(url: string, place: Place): Promise<JsonValue> {
  if (!URL.canParse(url) || new URL(url).protocol !== 'https:') {
    throw failed('it is asked at https URLs only');
  }
  const bytes = await fetchBytes(new URL(url), place);
  try {
    return parseJson(bytes, jsonLimits);
  } catch (cause) {
    if (!(cause instanceof LedgerError)) throw cause;
    throw failed('its answer is not JSON', cause);
  }
}

function fetchBytes(url: URL, place: Place): Promise<Uint8Array> {
  return new Promise((resolve, reject) => {
    const fail = (cause: unknown): void => reject(asFailure(cause));
    try {
      const outgoing = request(url, requestOptions(place));
      let isAnswered = false;
      outgoing.on('error', fail);
      outgoing.on('response', (answer) => {
        isAnswered = true;
        void readBody(answer).then(resolve, fail);
      });
      outgoing.on('close', () => {
        if (!isAnswered) fail(undefined);
      });
      outgoing.end();
    } catch (cause) {
      // The issuer wrote the URL: whatever it is, it must not end the node.
      fail(cause);
    }
  });
}

function requestOptions({ roots, signal }: Place): RequestOptions {
  return {
    // No connection is kept, and no root of the system counts.
    agent: false,
    ca: roots,
    rejectUnauthorized: true,
    minVersion: 'TLSv1.2',
    maxHeaderSize: headerBytesMax,
    headers: { accept: 'application/json' },
    signal,
  };
}

/** Leaving the loop early ends the connection. */
async function readBody(answer: IncomingMessage): Promise<Uint8Array> {
  if (answer.statusCode !== 200) {
    answer.destroy();
    throw failed(`it answered ${answer.statusCode}`);
  }
  const parts: Uint8Array[] = [];
  let length = 0;
  for await (const part of answer as AsyncIterable<Uint8Array>) {
    length += part.length;
    if (length > answerBytesMax) throw failed(`its answer is over ${answerBytesMax} bytes`);
    parts.push(part);
  }
  return concatBytes(...parts);
}

function asFailure(cause: unknown): LedgerError {
  if (cause instanceof LedgerError) return cause;
  const code = (cause as NodeJS.ErrnoException | undefined)?.code ?? 'the connection ended';
  return failed(`it cannot be reached over TLS by the roots named for it (${code})`, cause);
}

function failed(reason: string, cause?: unknown): LedgerError {
  return httpError('TokenIssuerFailed', `The issuer gave no keys: ${reason}.`, {}, cause);
}
