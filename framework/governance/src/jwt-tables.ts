/**
 * The tables of token issuers (CCF's): who they are, their keys, and the roots that the TLS
 * certificates of those are trusted by whose keys are refreshed.
 */
import { encodeJson, fromBase64, type JsonValue, parseJson, toBase64 } from '@coco/base';
import type { TokenKey } from '@coco/endpoint';
import { governanceError } from './errors.ts';
import { JsonFields } from './json-fields.ts';
import { type Codec, Table } from './table.ts';

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
