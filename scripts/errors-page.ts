/**
 * docs/ERRORS.md: one row for each code that a room defines. `node scripts/errors-page.ts --write`
 * writes it; test/errors.test.ts compares it with the code, both ways.
 */
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import ts from 'typescript-six';
import { type ErrorRow, registeredErrors } from '../framework/base/src/index.ts';
import { listFiles, listRooms, root } from './rooms.ts';

export interface DefinedCode extends ErrorRow {
  readonly code: string;
  readonly room: string;
}

const page = join(root, 'docs/ERRORS.md');

/**
 * Every code in the tables that the rooms hand to defineErrors. Names come from the sources, which
 * say what room a code is of; the rest is as the loaded rooms have registered it.
 */
export async function definedCodes(): Promise<DefinedCode[]> {
  const registered = await registeredCodes();
  return listRooms().flatMap((room) =>
    namesIn(room).map((code) => {
      const row = registered.get(code);
      if (row === undefined) throw new SyntaxError(`${room} does not register its code ${code}`);
      return { code, room, kind: row.kind, status: row.status, meaning: row.meaning };
    }),
  );
}

/** What all rooms together register; a program has no door, but a table of its own. */
export async function registeredCodes(): Promise<ReadonlyMap<string, ErrorRow>> {
  for (const room of listRooms()) {
    const files = [`${room}/src/index.ts`, `${room}/src/errors.ts`];
    const file = files.find((path) => existsSync(join(root, path)));
    if (file !== undefined) await import(pathToFileURL(join(root, file)).href);
  }
  return registeredErrors();
}

function namesIn(room: string): string[] {
  return listFiles(`${room}/src`, '.ts').flatMap((path) => {
    const text = readFileSync(join(root, path), 'utf8');
    return /\bdefineErrors\b[<(]/.test(text) ? tablesOf(path, text) : [];
  });
}

function tablesOf(path: string, text: string): string[] {
  const tree = ts.createSourceFile(path, text, ts.ScriptTarget.Latest, true);
  const codes: string[] = [];
  const visit = (node: ts.Node): void => {
    if (ts.isCallExpression(node) && node.expression.getText(tree) === 'defineErrors') {
      const table = node.arguments[0];
      const literal = table === undefined ? undefined : objectLiteral(table, tree);
      if (literal === undefined) throw new SyntaxError(`${path}: give defineErrors its table`);
      for (const { name } of literal.properties) {
        if (name !== undefined) codes.push(name.getText(tree).replace(/^['"]|['"]$/g, ''));
      }
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
  const codes = await definedCodes();
  writeFileSync(page, renderPage(codes));
  console.log(`docs/ERRORS.md: ${codes.length} codes`);
}
