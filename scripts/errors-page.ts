/**
 * docs/ERRORS.md: one row for each code that a room defines. `node scripts/errors-page.ts --write`
 * writes it; test/errors.test.ts compares it with the code, both ways.
 */
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import ts from 'typescript-six';
import type { ErrorRow } from '../framework/base/src/index.ts';
import { listFiles, listRooms, root } from './rooms.ts';

export interface DefinedCode extends ErrorRow {
  readonly code: string;
  readonly room: string;
}

const page = join(root, 'docs/ERRORS.md');

/** Every code in the tables that the rooms hand to defineErrors, read from their sources. */
export function definedCodes(): DefinedCode[] {
  return listRooms().flatMap((room) =>
    listFiles(`${room}/src`, '.ts').flatMap((path) => {
      const text = readFileSync(join(root, path), 'utf8');
      return text.includes('defineErrors(') ? tablesOf(room, path, text) : [];
    }),
  );
}

function tablesOf(room: string, path: string, text: string): DefinedCode[] {
  const tree = ts.createSourceFile(path, text, ts.ScriptTarget.Latest, true);
  const codes: DefinedCode[] = [];
  const visit = (node: ts.Node): void => {
    if (ts.isCallExpression(node) && node.expression.getText(tree) === 'defineErrors') {
      const table = node.arguments[0];
      const literal = table === undefined ? undefined : objectLiteral(table, tree);
      if (literal === undefined) throw new SyntaxError(`${path}: give defineErrors its table`);
      for (const property of literal.properties) codes.push(rowOf(property, tree, room));
    }
    ts.forEachChild(node, visit);
  };
  visit(tree);
  return codes;
}

/** The table itself, or the constant of this file that holds it. */
function objectLiteral(
  node: ts.Expression,
  tree: ts.SourceFile,
): ts.ObjectLiteralExpression | undefined {
  if (ts.isObjectLiteralExpression(node)) return node;
  if (ts.isAsExpression(node) || ts.isSatisfiesExpression(node)) {
    return objectLiteral(node.expression, tree);
  }
  if (!ts.isIdentifier(node)) return undefined;
  for (const statement of tree.statements) {
    if (!ts.isVariableStatement(statement)) continue;
    for (const { name, initializer } of statement.declarationList.declarations) {
      if (name.getText(tree) === node.text && initializer) return objectLiteral(initializer, tree);
    }
  }
  return undefined;
}

function rowOf(
  property: ts.ObjectLiteralElementLike,
  tree: ts.SourceFile,
  room: string,
): DefinedCode {
  const code = property.name?.getText(tree).replace(/^['"]|['"]$/g, '') ?? property.getText(tree);
  const row = ts.isPropertyAssignment(property)
    ? objectLiteral(property.initializer, tree)
    : undefined;
  const values = new Map<string, string>();
  for (const field of row?.properties ?? []) {
    if (!ts.isPropertyAssignment(field)) continue;
    values.set(field.name.getText(tree), textOf(field.initializer, tree));
  }
  return {
    code,
    room,
    kind: values.get('kind') === 'fault' ? 'fault' : 'refusal',
    status: Number(values.get('status')),
    meaning: values.get('meaning') ?? '',
  };
}

function textOf(node: ts.Expression, tree: ts.SourceFile): string {
  if (ts.isStringLiteralLike(node)) return node.text;
  if (ts.isBinaryExpression(node)) return textOf(node.left, tree) + textOf(node.right, tree);
  return node.getText(tree);
}

/** The whole page for these codes. */
export function renderPage(codes: readonly DefinedCode[]): string {
  const rows = [...codes]
    .sort((one, other) => (one.code < other.code ? -1 : one.code > other.code ? 1 : 0))
    .map(({ code, kind, status, room, meaning }) => {
      return `| ${code} | ${kind} | ${status} | ${room} | ${meaning.replaceAll('|', '\\|')} |`;
    });
  return `${[
    '# Errors',
    '',
    'Every code that Coco answers with or logs. A **refusal** is the caller’s to put right; a',
    '**fault** is of a disk, a peer or time, and may pass. Status is the HTTP status of an answer',
    'that carries the code. A bug is neither: it stops the node with a sentence. Codes are stable.',
    '',
    'The table is written by `node scripts/errors-page.ts --write` from the rooms’ tables, and a',
    'test compares the two.',
    '',
    '| code | kind | status | room | meaning |',
    '| --- | --- | --- | --- | --- |',
    ...rows,
  ].join('\n')}\n`;
}

/** The page as it stands in docs, or nothing. */
export function readPage(): string {
  return existsSync(page) ? readFileSync(page, 'utf8') : '';
}

if (process.argv[1] === import.meta.filename && process.argv.includes('--write')) {
  writeFileSync(page, renderPage(definedCodes()));
  console.log(`docs/ERRORS.md: ${definedCodes().length} codes`);
}
