import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  asSeqno,
  asView,
  ByteReader,
  compareBytes,
  fromHex,
  LedgerError,
  toHex,
  utf8Encode,
} from '@coco/base';
import { sha256 } from '@coco/crypto';
import { isPublicMap, type WriteSet } from '@coco/kv';
import fc from 'fast-check';
import {
  commitEvidence,
  decodeEntry,
  encodeEntry,
  entryId,
  LedgerSecrets,
  leafOf,
  NonceGuard,
  openEntry,
  zeroDigest,
} from '../src/index.ts';
import { decodeMapRecords, mapRecords } from '../src/map-records.ts';
import { row, writes } from './sample-service.ts';

const secrets = new LedgerSecrets([
  { fromSeqno: asSeqno(1), key: Uint8Array.from({ length: 32 }, (_, at) => at) },
]);
const secret = secrets.secretFor(asSeqno(1));
const id = { view: asView(2), seqno: asSeqno(7) };

function encode(writeSet: WriteSet, claimsDigest: Uint8Array = zeroDigest): Uint8Array {
  const commitEvidenceDigest = sha256(utf8Encode(commitEvidence(secret, id)));
  const parts = { id, flags: 0, claimsDigest, commitEvidenceDigest, writeSet };
  return encodeEntry({ secret, guard: new NonceGuard() }, parts);
}

const bytes = fc.uint8Array({ maxLength: 24 });
const arbitraryRows = fc
  .uniqueArray(fc.record({ key: bytes, value: fc.option(bytes, { nil: undefined }) }), {
    minLength: 1,
    maxLength: 5,
    selector: ({ key }) => toHex(key),
  })
  .map((rows) => rows.sort((left, right) => compareBytes(left.key, right.key)));
const mapName = fc.oneof(
  fc.constantFrom('public:a', 'public:ccf.gov.x', 'a', 'records', 'publid:', 'public', 'ünï'),
  fc.string({ unit: 'grapheme', minLength: 1, maxLength: 8 }),
);
const writeSets: fc.Arbitrary<WriteSet> = fc
  .uniqueArray(fc.record({ name: mapName, rows: arbitraryRows }), {
    maxLength: 4,
    selector: ({ name }) => name,
  })
  .map((maps) => ({
    maps: maps.sort((a, b) => compareBytes(utf8Encode(a.name), utf8Encode(b.name))),
  }));

function plain(writeSet: WriteSet): unknown {
  return writeSet.maps.map(({ name, rows }) => [
    name,
    rows.map(({ key, value }) => [toHex(key), value && toHex(value)]),
  ]);
}

test('an entry opens to the write set that was encoded, and only public maps stand in clear', () => {
  fc.assert(
    fc.property(writeSets, (writeSet) => {
      const entry = decodeEntry(encode(writeSet));
      assert.deepEqual(entry.id, id);
      assert.ok(entry.publicMaps.every(({ name }) => isPublicMap(name)));
      const publicPart = { maps: writeSet.maps.filter(({ name }) => isPublicMap(name)) };
      assert.deepEqual(plain({ maps: entry.publicMaps }), plain(publicPart));
      assert.deepEqual(plain(openEntry(secret, entry)), plain(writeSet));
    }),
    { numRuns: 150 },
  );
});

const sample = writes({
  'public:coco.sample': [row('gone', undefined), row('key', 'value')],
  'coco.records': [row('account', 'a private value')],
});

test('the vector of docs/formats/ledger.md', () => {
  const entry = encode(sample);
  assert.equal(
    commitEvidence(secret, id),
    'ce:2.7:c1b206e9faa7aed319d14b40a6bb2817733f2a768ad010b181ffd7bb11064e90',
  );
  assert.equal(
    toHex(sha256(entry)),
    '3e0a520fee495e9ec035ebf231008ae58b00827f0bd97bb4cb42197ec8a7eeb6',
  );
  const decoded = decodeEntry(entry);
  assert.equal(
    toHex(leafOf(decoded)),
    '776aa9e9810c13970b139244981c34482d3be4f4ee2138fa8bbf78d69bbea3aa',
  );
  assert.equal(toHex(entry.subarray(0, 8)), '01002d0100000000');
});

test('no private byte of a write set is in the entry', () => {
  const entry = Buffer.from(encode(sample));
  assert.ok(entry.includes('public:coco.sample'));
  for (const secretText of ['coco.records', 'account', 'a private value']) {
    assert.ok(!entry.includes(secretText), secretText);
  }
});

test('every flipped bit of an entry is refused, or changes its leaf, and opens under no flip', () => {
  const original = encode(sample);
  const leaf = toHex(leafOf(decodeEntry(original)));
  const claimed = new Set<string>();
  for (let bit = 0; bit < original.length * 8; bit++) {
    const flipped = original.slice();
    flipped[bit >> 3] = (flipped[bit >> 3] as number) ^ (1 << (bit & 7));
    let code = 'accepted';
    try {
      const entry = decodeEntry(flipped);
      assert.notEqual(toHex(leafOf(entry)), leaf, `bit ${bit}`);
      openEntry(secret, entry);
    } catch (error) {
      assert.ok(error instanceof LedgerError, `bit ${bit}: ${String(error)}`);
      code = error.code;
    }
    // The two chunk flags are outside of what GCM authenticates: only the leaf covers them.
    if (bit !== 8 && bit !== 9) assert.notEqual(code, 'accepted', `bit ${bit}`);
    claimed.add(code);
  }
  assert.deepEqual([...claimed].sort(), ['DecryptionFailed', 'InvalidInput', 'accepted']);
});

test('every cut and every extension of an entry is refused', () => {
  const original = encode(sample);
  for (let length = 0; length < original.length; length++) {
    assert.throws(() => decodeEntry(original.subarray(0, length)), { code: 'InvalidInput' });
  }
  const longer = new Uint8Array(original.length + 1);
  longer.set(original);
  assert.throws(() => decodeEntry(longer), { code: 'InvalidInput' });
});

test('random bytes are never a crash', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 300 }), (random) => {
      for (const parse of [decodeEntry, entryId]) {
        try {
          parse(random);
        } catch (error) {
          assert.ok(error instanceof LedgerError, String(error));
        }
      }
      try {
        decodeMapRecords(new ByteReader(random));
      } catch (error) {
        assert.ok(error instanceof LedgerError, String(error));
      }
    }),
    { numRuns: 300 },
  );
});

test('map records in another order, with empty maps, double keys or reads are refused', () => {
  const record = (name: string, body: string) => {
    const nameHex = Buffer.from(name).toString('hex');
    const length = `${name.length.toString(16).padStart(2, '0')}${'00'.repeat(7)}`;
    return `${length}${nameHex}${'00'.repeat(8)}${body}`;
  };
  const u64 = (value: number) => `${value.toString(16).padStart(2, '0')}${'00'.repeat(7)}`;
  const key = (text: string) => `${u64(text.length)}${Buffer.from(text).toString('hex')}`;
  const noReads = u64(0);
  const one = (name: string) => record(name, `${noReads}${u64(0)}${u64(1)}${key('k')}`);
  const decode = (hex: string) => decodeMapRecords(new ByteReader(fromHex(hex)));
  assert.equal(decode(one('a') + one('b')).length, 2);
  const refused = {
    unsortedMaps: one('b') + one('a'),
    doubleMaps: one('a') + one('a'),
    noRows: record('a', `${noReads}${u64(0)}${u64(0)}`),
    reads: record('a', `${u64(1)}${u64(0)}${u64(1)}${key('k')}`),
    unsortedKeys: record('a', `${noReads}${u64(0)}${u64(2)}${key('l')}${key('k')}`),
    writtenAndRemoved: record('a', `${noReads}${u64(1)}${key('k')}${key('v')}${u64(1)}${key('k')}`),
    hugeCount: record('a', `${noReads}${'ff'.repeat(6)}0000`),
  };
  for (const [name, hex] of Object.entries(refused)) {
    assert.throws(() => decode(hex), { code: 'InvalidInput' }, name);
  }
});

test('encoding asserts the order that it relies on', () => {
  assert.throws(() => mapRecords([{ name: 'a', rows: [] }]), { name: 'BugError' });
  assert.throws(() => mapRecords([{ name: 'a', rows: [row('b', ''), row('a', '')] }]), {
    name: 'BugError',
  });
  const map = { name: 'a', rows: [row('k', 'v')] };
  assert.throws(() => mapRecords([map, map]), { name: 'BugError' });
});

test('an entry above the limit is refused before its id counts as used', () => {
  const guard = new NonceGuard();
  const value = new Uint8Array(64 * 1024 * 1024);
  const digests = { claimsDigest: zeroDigest, commitEvidenceDigest: zeroDigest };
  const huge = { id, flags: 0, ...digests, writeSet: writes({ m: [row('k', value)] }) };
  assert.throws(() => encodeEntry({ secret, guard }, huge), { code: 'EntryTooLarge' });
  assert.ok(encodeEntry({ secret, guard }, { ...huge, writeSet: sample }).length > 0);
});
