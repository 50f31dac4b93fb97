/**
 * The tables of token issuers (CCF's): who they are, their keys, and the roots that the TLS
 * certificates of those are trusted by whose keys are refreshed.
 */
import { encodeJson, fromBase64, type JsonValue, parseJson, toBase64 } from '@coco/base';
import type { TokenKey } from '@coco/endpoint';
import { governanceError } from './errors.ts';
import { JsonFields } from './json-fields.ts';
import { type Codec, jsonRow, jsonText, type Readable, Table } from './table.ts';

interface TokenIssuerRow {
  readonly auto_refresh: boolean;
  readonly ca_cert_bundle_name?: string | undefined;
}

/** Issuer's URL to how its keys are kept. */
export const tokenIssuers: Table<TokenIssuerRow> = new Table(
  'public:ccf.gov.jwt.issuers',
  jsonRow((row) => ({
    auto_refresh: row.optionalBoolean('auto_refresh') ?? false,
    ca_cert_bundle_name: row.optionalText('ca_cert_bundle_name'),
  })),
);

/** Name to PEM certificates. */
export const authorityBundles: Table<string> = new Table(
  'public:ccf.gov.tls.ca_cert_bundles',
  jsonText,
);

/** An issuer whose keys the primary fetches. */
export interface RefreshedIssuer {
  /** Its URL. */
  readonly issuer: string;
  /** PEM: the roots that its TLS certificate is by; undefined when governance has none for it. */
  readonly roots: string | undefined;
}

/** @throws GovernanceRowInvalid */
export function refreshedIssuers(state: Readable): readonly RefreshedIssuer[] {
  return tokenIssuers.rows(state).flatMap(([issuer, row]) => {
    if (!row.auto_refresh) return [];
    const name = row.ca_cert_bundle_name;
    return [{ issuer, roots: name === undefined ? undefined : authorityBundles.get(state, name) }];
  });
}

const keyRowLimits = { bytesMax: 1024 * 1024, depthMax: 4 };

/** Key id to the keys that use it, one for each issuer. */
export const tokenKeys: Table<readonly TokenKey[]> = new Table(
  'public:ccf.gov.jwt.public_signing_keys_metadata_v2',
  {
    encode: (keys) =>
      encodeJson(
        keys.map(({ publicKey, issuer, constraint }) => ({
          public_key: toBase64(publicKey),
          issuer,
          ...(constraint === undefined ? {} : { constraint }),
        })),
      ),
    decode: (bytes) => listOf(parseJson(bytes, keyRowLimits)).map(parseKey),
  } satisfies Codec<readonly TokenKey[]>,
);

function listOf(value: JsonValue): readonly JsonValue[] {
  if (Array.isArray(value)) return value as readonly JsonValue[];
  throw governanceError('GovernanceRowInvalid', 'The row is not a list.');
}

function parseKey(value: JsonValue): TokenKey {
  const fields = new JsonFields(value, 'The key');
  return {
    publicKey: fromBase64(fields.text('public_key')),
    issuer: fields.text('issuer'),
    constraint: fields.optionalText('constraint'),
  };
}
