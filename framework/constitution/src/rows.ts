/**
 * Rows of governance tables: text or JSON by text keys, or the one row of a table that has one
 * (its key is 8 zero bytes). All access of the program to maps goes through here.
 */
import type { CcfGlobal, CcfMap } from './ccf-global.ts';
import { refuse } from './refuse.ts';

declare const ccf: CcfGlobal;

function mapOf(table: string): CcfMap {
  return ccf.kv[table] ?? refuse(`There is no table ${table}`);
}

function keyOf(key: string | undefined): ArrayBuffer {
  return key === undefined ? new ArrayBuffer(8) : ccf.strToBuf(key);
}

/** Without a key: the one row. */
export function readJson(table: string, key?: string): unknown {
  const bytes = mapOf(table).get(keyOf(key));
  return bytes === undefined ? undefined : ccf.bufToJsonCompatible(bytes);
}

export function writeJson(table: string, value: unknown, key?: string): void {
  mapOf(table).set(keyOf(key), ccf.jsonCompatibleToBuf(value));
}

export function writeText(table: string, key: string, text: string): void {
  mapOf(table).set(keyOf(key), ccf.strToBuf(text));
}

export function hasRow(table: string, key?: string): boolean {
  return mapOf(table).has(keyOf(key));
}

export function removeRow(table: string, key?: string): void {
  mapOf(table).delete(keyOf(key));
}

export function clearTable(table: string): void {
  mapOf(table).clear();
}

/** The number of rows, without reading them. */
export function countRows(table: string): number {
  return mapOf(table).size;
}

/** All rows, read at once, so that the table may be written while they are used. */
export function jsonRows(table: string): readonly (readonly [key: string, value: unknown])[] {
  const rows: (readonly [string, unknown])[] = [];
  mapOf(table).forEach((value, key) => {
    rows.push([ccf.bufToStr(key), ccf.bufToJsonCompatible(value)]);
  });
  return rows;
}

export function keysOf(table: string): readonly string[] {
  const keys: string[] = [];
  mapOf(table).forEach((_value, key) => {
    keys.push(ccf.bufToStr(key));
  });
  return keys;
}
