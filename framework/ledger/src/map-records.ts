/**
 * The records of written maps inside an entry's public or private part. Encoding is canonical (byte
 * order, no empty map, no double key) and decoding accepts nothing else, so that one write set has
 * one encoding. Source: CCF's ledger format, docs/formats/ledger.md section 4.
 */
import {
  assert,
  type ByteReader,
  ByteWriter,
  compareBytes,
  refuse,
  utf8Decode,
  utf8Encode,
} from '@coco/base';
import type { MapWrites, WriteRow } from '@coco/kv';

/** Read version, read count, write count, remove count, length of the name: one u64 each. */
const mapFixedBytes = 40;
/** Names are few and repeat in every entry: encoding each once saves a tenth of an entry's time. */
const nameCacheMax = 1024;
const nameCache = new Map<string, Uint8Array>();

/** The bytes of a map's name. */
function nameBytes(name: string): Uint8Array {
  const known = nameCache.get(name);
  if (known) return known;
  const bytes = utf8Encode(name);
  if (nameCache.size >= nameCacheMax) nameCache.clear();
  nameCache.set(name, bytes);
  return bytes;
}

/** The number of bytes that `encodeMapRecords` writes. */
export function mapRecordsBytes(maps: readonly MapWrites[]): number {
  let bytes = 0;
  for (const { name, rows } of maps) {
    bytes += mapFixedBytes + nameBytes(name).length;
    for (const { key, value } of rows) {
      bytes += 8 + key.length + (value === undefined ? 0 : 8 + value.length);
    }
  }
  return bytes;
}

/** Writes the maps; their order is the caller's invariant, asserted here. */
export function encodeMapRecords(writer: ByteWriter, maps: readonly MapWrites[]): void {
  let previousName: Uint8Array | undefined;
  for (const { name, rows } of maps) {
    const bytes = nameBytes(name);
    assert(
      previousName === undefined || compareBytes(previousName, bytes) < 0,
      'the maps of a write set are in byte order of their names',
    );
    previousName = bytes;
    assert(rows.length > 0, 'a written map has rows');
    writer.sized(bytes).u64(0).u64(0);
    encodeRows(writer, rows);
  }
}

function encodeRows(writer: ByteWriter, rows: readonly WriteRow[]): void {
  let previousKey: Uint8Array | undefined;
  let removes = 0;
  for (const { key, value } of rows) {
    assert(
      previousKey === undefined || compareBytes(previousKey, key) < 0,
      'the rows of a written map are in byte order of their keys',
    );
    previousKey = key;
    if (value === undefined) removes += 1;
  }
  writer.u64(rows.length - removes);
  for (const { key, value } of rows) if (value !== undefined) writer.sized(key).sized(value);
  writer.u64(removes);
  if (removes > 0) for (const { key, value } of rows) if (value === undefined) writer.sized(key);
}

/** Encodes into an array of its own. */
export function mapRecords(maps: readonly MapWrites[]): Uint8Array {
  const writer = new ByteWriter(mapRecordsBytes(maps));
  encodeMapRecords(writer, maps);
  return writer.done();
}

/**
 * Reads map records up to the end of the reader. Keys and values are views of its bytes.
 * @throws InvalidInput
 */
export function decodeMapRecords(reader: ByteReader): readonly MapWrites[] {
  const maps: MapWrites[] = [];
  let previousName: Uint8Array | undefined;
  while (reader.remaining > 0) {
    const bytes = reader.sized();
    if (previousName !== undefined && compareBytes(previousName, bytes) >= 0) {
      throw refuse('InvalidInput', 'The maps of an entry are not in byte order of their names.');
    }
    previousName = bytes;
    if (reader.u64() !== 0 || reader.u64() !== 0) {
      throw refuse('InvalidInput', 'A written map records reads.');
    }
    const rows = mergeRows(decodeWrites(reader), decodeRemoves(reader));
    if (rows.length === 0) throw refuse('InvalidInput', 'A written map has no rows.');
    maps.push({ name: utf8Decode(bytes), rows });
  }
  return maps;
}

function decodeWrites(reader: ByteReader): WriteRow[] {
  const rows: WriteRow[] = [];
  for (let left = reader.u64(); left > 0; left--) {
    rows.push({ key: reader.sized(), value: reader.sized() });
  }
  return rows;
}

function decodeRemoves(reader: ByteReader): WriteRow[] {
  const rows: WriteRow[] = [];
  for (let left = reader.u64(); left > 0; left--) {
    rows.push({ key: reader.sized(), value: undefined });
  }
  return rows;
}

/** Merges two runs in byte order of keys into one. @throws InvalidInput when one is out of order. */
function mergeRows(writes: readonly WriteRow[], removes: readonly WriteRow[]): WriteRow[] {
  const rows: WriteRow[] = [];
  let [atWrite, atRemove] = [0, 0];
  while (atWrite < writes.length || atRemove < removes.length) {
    const write = writes[atWrite];
    const remove = removes[atRemove];
    const isWrite = write && (!remove || compareBytes(write.key, remove.key) < 0);
    const next = isWrite ? write : remove;
    if (isWrite) atWrite += 1;
    else atRemove += 1;
    const previous = rows.at(-1);
    if (!next || (previous && compareBytes(previous.key, next.key) >= 0)) {
      throw refuse(
        'InvalidInput',
        'The rows of a written map are not in byte order of their keys.',
      );
    }
    rows.push(next);
  }
  return rows;
}
