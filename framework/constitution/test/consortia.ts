/** The consortia of the examples. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import {
  type Member,
  parseRulesDocument,
  type RulesDocument,
  readMember,
} from '@coco/constitution';

export const exampleNames = [
  'simple-majority',
  'two-thirds',
  'unanimity-for-membership',
  'weighted',
  'bank-consortium',
  'operator-with-audit',
] as const;
export type ExampleName = (typeof exampleNames)[number];

export function readExample(name: ExampleName): RulesDocument {
  const path = join(import.meta.dirname, '..', 'examples', `${name}.json`);
  return parseRulesDocument(JSON.parse(readFileSync(path, 'utf8')));
}

/** Members a, b, c, ... with their data. */
function consortium(...data: readonly object[]): readonly Member[] {
  return data.map((fields, at) => readMember('abcdef'.charAt(at).repeat(64), fields));
}

const three = consortium({ name: 'Ada' }, { name: 'Ben' }, { name: 'Cid' });

export const consortia: Readonly<Record<ExampleName, readonly Member[]>> = {
  'simple-majority': three,
  'two-thirds': consortium({ name: 'Ada' }, { name: 'Ben' }, { name: 'Cid' }, { name: 'Dee' }),
  'unanimity-for-membership': three,
  weighted: consortium(
    { name: 'Anna', organisation: 'Alpine Rail' },
    { name: 'Bo', organisation: 'Baltic Port' },
    { name: 'Cleo', organisation: 'Cape Lines' },
  ),
  'bank-consortium': consortium(
    { name: 'Alpha', organisation: 'Alpha Bank' },
    { name: 'Beta', organisation: 'Beta Bank' },
    { name: 'Gamma', organisation: 'Gamma Bank' },
    { name: 'Regina', organisation: 'Authority', roles: ['regulator'] },
  ),
  'operator-with-audit': consortium(
    { name: 'Otto', organisation: 'Hosting', roles: ['operator'] },
    { name: 'Aude', organisation: 'Ledger & Sons', roles: ['auditor'] },
    { name: 'Cid' },
  ),
};
