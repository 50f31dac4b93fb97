/**
 * `tidy`: the rules of the house that no general tool checks. Each rule is a function from a file
 * (or a room) to findings; a finding says what to do. test/tidy.test.ts runs them over the
 * repository and proves by planted files that each rule can fail.
 */
import { basename } from 'node:path';
import ts from 'typescript-six';
import { isCoreRoom } from './rooms.ts';

export interface Finding {
  readonly file: string;
  readonly line: number;
  readonly message: string;
}

export interface SourceFile {
  /** Relative to the root, with forward slashes. */
  readonly path: string;
  readonly text: string;
}

const linesMax = 400;
const columnsMax = 100;
const functionLinesMax = 60;
const parametersMax = 4;
/** A line that is long because of one literal cannot be broken without changing the literal. */
const longLiteral = /(['"`])(?:(?!\1).){40,}|https?:\/\/\S{30,}|\/(?:[^/\\\n]|\\.){40,}\//;

const machinePath = /(?:^|[\s"'`(=:])(\/(?:work|root|tmp|home\/[a-z]+)\/[\w.-]*)/;
const registryHost = new RegExp(
  [
    'registry\\.npmjs\\.org',
    'pypi\\.org',
    'pythonhosted\\.org',
    '(?:static|index)\\.crates\\.io',
    'proxy\\.golang\\.org',
    'repo1?\\.maven',
  ].join('|'),
);
const looseTodo = /\b(TODO|FIXME|XXX)\b(?!\(#\d+\))/;
const bannedName = /^(utils?|helpers?|common|misc|shared|stuff)$/;

/** Rules for every text file that people write, prose included. */
export function checkText(file: SourceFile): Finding[] {
  const findings: Finding[] = [];
  file.text.split('\n').forEach((text, index) => {
    const at = (message: string): void => {
      findings.push({ file: file.path, line: index + 1, message });
    };
    const path = machinePath.exec(text)?.[1];
    if (path !== undefined) at(`${path} is a path of one machine: take it from the caller.`);
    const host = registryHost.exec(text)?.[0];
    if (host !== undefined) at(`${host}: name packages, not the hosts of their registries.`);
    const todo = looseTodo.exec(text)?.[1];
    if (todo !== undefined) at(`${todo} names no issue: write ${todo}(#number), or do it.`);
  });
  const words = basename(file.path).replace(/\..*$/, '');
  if (bannedName.test(words)) {
    findings.push({
      file: file.path,
      line: 1,
      message: `"${words}" says nothing: name the file after its one concept.`,
    });
  }
  return findings;
}

/** Rules for TypeScript that we write: shape of the file, length, banned words and calls. */
export function checkSource(file: SourceFile): Finding[] {
  const tree = ts.createSourceFile(file.path, file.text, ts.ScriptTarget.Latest, true);
  const lineOf = (position: number): number =>
    tree.getLineAndCharacterOfPosition(position).line + 1;
  const findings = [...checkShape(file)];
  const report = (position: number, message: string): void => {
    findings.push({ file: file.path, line: lineOf(position), message });
  };
  const visit = (node: ts.Node): void => {
    const begin = node.getStart(tree);
    for (const message of [...checkWords(node, tree, file.path), ...checkSize(node, tree, file)]) {
      report(begin, message);
    }
    ts.forEachChild(node, visit);
  };
  visit(tree);
  const lines = file.text.split('\n');
  // An exception stands in the line above what it allows, with its reason.
  return findings.filter(({ line }) => !/tidy-allow: \S/.test(lines[line - 2] ?? ''));
}

function checkShape(file: SourceFile): Finding[] {
  const findings: Finding[] = [];
  const lines = file.text.split('\n');
  const at = (line: number, message: string): void => {
    findings.push({ file: file.path, line, message });
  };
  if (lines.length - 1 > linesMax) {
    at(linesMax, `${lines.length - 1} lines; the limit is ${linesMax}: split it by concept.`);
  }
  const hasOwnName = /\/test\//.test(`/${file.path}`);
  if (!hasOwnName && !/^(#!.*\n)?\/\*\*/.test(file.text)) {
    at(1, 'Begin with a header comment: what, why, what the caller must obey, the source.');
  }
  if (!/^\.?[a-z0-9]+(-[a-z0-9]+)*(\.[a-z]+)*\.(ts|mjs)$/.test(basename(file.path))) {
    at(1, 'Name the file in kebab-case after its one concept.');
  }
  lines.forEach((line, index) => {
    if (line.length > columnsMax && !longLiteral.test(line)) {
      at(index + 1, `${line.length} columns; the limit is ${columnsMax}: break the line.`);
    }
  });
  return findings;
}

const outsideCore: Readonly<Record<string, string>> = {
  'Date.now': 'take the time from the Clock port',
  'performance.now': 'take the time from the Clock port',
  'Math.random': 'take bytes from the Random port',
  'crypto.getRandomValues': 'take bytes from the Random port',
  'crypto.randomBytes': 'take bytes from the Random port',
};
const outsideCoreGlobals: Readonly<Record<string, string>> = {
  process: 'take what you need by constructor',
  console: 'use the Log port',
  setTimeout: 'use the Clock port',
  setInterval: 'use the Clock port',
  setImmediate: 'use the Clock port',
  fetch: 'take a port by constructor',
};
const plainErrors = ['Error', 'TypeError', 'RangeError', 'AggregateError'];

function checkWords(node: ts.Node, tree: ts.SourceFile, path: string): string[] {
  const isSource = /^(framework|adapters|clients|program)\/[^/]+\/src\/|^simulator\/src\//.test(
    path,
  );
  const isCore = isSource && isCoreRoom(path.split('/').slice(0, 2).join('/'));
  const found: string[] = [];
  if (ts.isThrowStatement(node) && isSource && ts.isNewExpression(node.expression)) {
    const name = node.expression.expression.getText(tree);
    if (plainErrors.includes(name)) {
      found.push(`throw new ${name}: throw a code of the room's errors.ts, or assert() for a bug.`);
    }
  }
  if (ts.isAsExpression(node) && node.type.kind === ts.SyntaxKind.AnyKeyword) {
    found.push('as any: parse the value, or name its type.');
  }
  if (ts.isPropertyAccessExpression(node)) {
    const name = node.getText(tree).replace(/^globalThis\./, '');
    const instead = outsideCore[name];
    if (instead !== undefined && isCore) found.push(`${name} in a core room: ${instead}.`);
    if (name === 'Math.random' && !isCore) {
      found.push('Math.random: take a seeded Random, so that a run can be repeated.');
    }
  }
  if (ts.isNewExpression(node) && node.expression.getText(tree) === 'Date') {
    if (isCore && (node.arguments?.length ?? 0) === 0) {
      found.push('new Date() in a core room: take the time from the Clock port.');
    }
  }
  if (ts.isIdentifier(node) && isCore && isGlobalUse(node)) {
    const instead = Object.hasOwn(outsideCoreGlobals, node.text)
      ? outsideCoreGlobals[node.text]
      : undefined;
    if (instead !== undefined) found.push(`${node.text} in a core room: ${instead}.`);
  }
  if (ts.isExportDeclaration(node) && path.endsWith('/src/index.ts') && !node.exportClause) {
    found.push('export *: the door lists its names one by one.');
  }
  return found;
}

/** An identifier that names a value here: no property, no declared name, no part of a type. */
function isGlobalUse(node: ts.Identifier): boolean {
  const { parent } = node;
  if (ts.isPropertyAccessExpression(parent)) return parent.expression === node;
  return ts.isCallExpression(parent) && parent.expression === node;
}

function checkSize(node: ts.Node, tree: ts.SourceFile, file: SourceFile): string[] {
  if (!ts.isFunctionLike(node) || !('body' in node) || node.body === undefined) return [];
  const found: string[] = [];
  const name = node.name?.getText(tree) ?? 'a function';
  const begin = tree.getLineAndCharacterOfPosition(node.getStart(tree)).line;
  const lines = tree.getLineAndCharacterOfPosition(node.end).line - begin + 1;
  const isTest = /\/(test|bench|interop)\//.test(`/${file.path}`);
  if (lines > functionLinesMax && !isTest) {
    found.push(`${name} has ${lines} lines; the limit is ${functionLinesMax}: split it by stage.`);
  }
  if (node.parameters.length > parametersMax) {
    found.push(
      `${name} has ${node.parameters.length} parameters; the limit is ${parametersMax}: use an options object.`,
    );
  }
  return found;
}
