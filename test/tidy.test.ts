/** tidy over the repository, and a planted file for each of its rules. */
import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { suite, test } from 'node:test';
import { listFiles, listRooms, root } from '../scripts/rooms.ts';
import { checkSource, checkText, type Finding, type SourceFile } from '../scripts/tidy.ts';
import { checkLinks, checkRoom } from '../scripts/tidy-rooms.ts';

const show = (findings: readonly Finding[]): string =>
  findings.map(({ file, line, message }) => `${file}:${line} ${message}`).join('\n');

function readAll(ending: string): SourceFile[] {
  return listFiles('.', ending).map((path) => ({
    path,
    text: readFileSync(join(root, path), 'utf8'),
  }));
}

suite('tidy: the repository', () => {
  /** The rules' own words and the planted files below are not findings. */
  const aboutRules = ['scripts/tidy.ts', 'test/tidy.test.ts'];
  const written = ['.ts', '.mjs', '.md', '.go', '.rs', '.sol', 'package.json', '.toml', '.yml']
    .flatMap(readAll)
    .filter((file) => !aboutRules.includes(file.path));

  test('no text holds a machine path, a registry host or a TODO without an issue', () => {
    assert.ok(written.length > 50, `only ${written.length} files were read`);
    const findings = written.flatMap(checkText);
    assert.equal(findings.length, 0, `\n${show(findings)}`);
  });

  test('sources keep to the limits and use no banned word or call', () => {
    const sources = [...readAll('.ts'), ...readAll('.mjs')];
    const ours = sources.filter((file) => !/\.gen\.ts$|\/vendor\//.test(file.path));
    assert.ok(ours.length > 50, `only ${ours.length} files were read`);
    const findings = ours.flatMap(checkSource);
    assert.equal(findings.length, 0, `\n${show(findings)}`);
  });

  test('every room has its README, its door and a test/index.ts that runs all its tests', () => {
    const rooms = listRooms();
    assert.ok(rooms.length >= 12, `only ${rooms.length} rooms were found`);
    const findings = rooms.flatMap((room) => checkRoom(root, room));
    assert.equal(findings.length, 0, `\n${show(findings)}`);
  });

  test('links between Markdown files lead somewhere', () => {
    const checked = readAll('.md').map((file) => checkLinks(root, file));
    const count = checked.reduce((sum, one) => sum + one.count, 0);
    assert.ok(count > 10, `only ${count} links were read`);
    const findings = checked.flatMap((one) => one.findings);
    assert.equal(findings.length, 0, `\n${show(findings)}`);
  });
});

suite('tidy: each rule finds what it is for', () => {
  const header = '/** A planted file. */\n';
  const source = (text: string, path = 'framework/kv/src/planted.ts'): string =>
    show(checkSource({ path, text: header + text }));

  const planted: readonly (readonly [string, string, RegExp])[] = [
    ['throw new Error', `throw new Error('no');`, /throw new Error/],
    ['as any', 'export const x = 1 as any;', /as any/],
    ['the time', 'export const x = Date.now();', /Date\.now.*Clock port/],
    ['a date of now', 'export const x = new Date();', /new Date\(\).*Clock/],
    ['chance', 'export const x = globalThis.Math.random();', /Math\.random.*Random port/],
    ['a timer', 'setTimeout(() => 1, 2);', /setTimeout.*Clock/],
    ['the process', 'export const x = process.env;', /process in a core room/],
    ['the console', `console.log('x');`, /console.*Log port/],
    ['a long line', `// ${'x '.repeat(60)}`, /columns/],
    ['a long file', '// x\n'.repeat(401), /402 lines/],
    ['a long function', `function f() {\n${'f();\n'.repeat(60)}}`, /f has 62 lines/],
    ['many parameters', 'function f(a, b, c, d, e) {}', /5 parameters/],
  ];
  for (const [name, text, message] of planted) {
    test(name, () => assert.match(source(text), message));
  }

  test('a door that exports everything', () => {
    assert.match(source(`export * from './x.ts';`, 'framework/kv/src/index.ts'), /one by one/);
  });
  test('a file without a header, and one not in kebab-case', () => {
    const path = 'framework/kv/src/planted.ts';
    assert.match(show(checkSource({ path, text: 'export {};' })), /header/);
    assert.match(source('', 'framework/kv/src/notKebab.ts'), /kebab-case/);
  });
  test('what is fine is no finding', () => {
    const fine = ["throw refuse('InvalidInput', 'no');", 'export const date = new Date(5);'];
    assert.equal(source(fine.join('\n')), '');
    assert.equal(source('// tidy-allow: measured in the bench\nDate.now();'), '');
    assert.equal(source('ports.setTimeout(1); ports.process.exit;'), '');
    assert.equal(source('console.log(Date.now());', 'program/cli/src/planted.ts'), '');
  });
  test('words that are banned in every file', () => {
    const text = (line: string): string => show(checkText({ path: 'docs/x.md', text: line }));
    assert.match(text('see /root/notes'), /one machine/);
    assert.match(text('from https://registry.npmjs.org/x'), /registries/);
    assert.match(text('TODO later'), /names no issue/);
    assert.equal(text('TODO(#12) later, and /node/tx is fine'), '');
    assert.match(show(checkText({ path: 'a/utils.ts', text: '' })), /says nothing/);
  });
  test('links that lead nowhere', () => {
    const file = { path: 'README.md', text: '[a](nowhere.md) [b](LICENSE) [c](#none)' };
    const { count, findings } = checkLinks(root, file);
    assert.equal(count, 3);
    assert.match(show(findings), /nowhere\.md leads nowhere[\s\S]*#none has no heading/);
  });
});

suite('tidy: a room out of shape', () => {
  test('each missing part is named', () => {
    const base = mkdtempSync(join(tmpdir(), 'coco-tidy-'));
    const put = (path: string, text: string): void => {
      mkdirSync(dirname(join(base, path)), { recursive: true });
      writeFileSync(join(base, path), text);
    };
    try {
      put('framework/x/package.json', '{"name":"x","dependencies":{"@coco/kv":"^1.0.0"}}');
      put('framework/x/README.md', '| owns | x |\n');
      put('framework/x/src/deep/y.ts', '');
      put('framework/x/test/index.ts', '');
      put('framework/x/test/y.test.ts', '');
      const doors = (door: unknown): string => {
        put('framework/y/package.json', JSON.stringify({ exports: { '.': door } }));
        return show(checkRoom(base, 'framework/y'));
      };
      put('framework/y/src/index.ts', '');
      const node = './src/index.ts';
      assert.doesNotMatch(doors(node), /"exports"/);
      assert.doesNotMatch(doors({ browser: './src/browser.ts', default: node }), /"exports"/);
      assert.match(doors({ browser: './src/deep/y.ts', default: node }), /"exports"/);
      const found = show(checkRoom(base, 'framework/x'));
      for (const part of [
        /"name" to "@coco\/x"/,
        /"license"/,
        /"exports"/,
        /pin one exact version/,
        /lacks "does not own"/,
        /lacks kv/,
        /src\/index\.ts/,
        /src is flat/,
        /Never runs/,
      ]) {
        assert.match(found, part);
      }
    } finally {
      rmSync(base, { recursive: true, force: true });
    }
  });
});
