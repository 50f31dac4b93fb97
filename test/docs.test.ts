/** Names in the documentation exist: files, commands, rooms and identifiers in backticks. */
import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { suite, test } from 'node:test';
import { listFiles, listRooms, root } from '../scripts/rooms.ts';

const pages = [
  ...['ARCHITECTURE.md', 'CONTRIBUTING.md', 'SECURITY.md', 'README.md'],
  'docs/GLOSSARY.md',
].filter((page) => existsSync(join(root, page)));

const manifest: { scripts: Record<string, string> } = JSON.parse(
  readFileSync(join(root, 'package.json'), 'utf8'),
);
const read = (path: string): string => readFileSync(join(root, path), 'utf8');
/** Everything that a name may come from; a word in it exists. */
const words = new Set(
  ['.ts', '.mjs', '.go', '.rs', 'package.json', '.toml', '.sol', 'go.mod']
    .flatMap((ending) => listFiles('.', ending))
    .filter((path) => path !== 'test/docs.test.ts')
    .flatMap((path) => [...path.split(/[/.]/), ...(read(path).match(/[\w@][\w.@-]*/g) ?? [])])
    .flatMap((word) => [word, ...word.split(/[.@-]/)]),
);
const rooms = listRooms();

/** What is wrong with a name in backticks, or nothing. */
function problemOf(name: string): string | undefined {
  const script = /^npm (?:run (?:--silent )?)?([\w:]+)/.exec(name)?.[1];
  if (name.startsWith('npm ')) {
    const own = ['install', 'ci', 'cache', 'config'];
    const isKnown = script !== undefined && (script in manifest.scripts || own.includes(script));
    return isKnown ? undefined : 'is no script of package.json';
  }
  const command = /^(?:node|npx|bash) (\S+)/.exec(name)?.[1];
  const path = command ?? name;
  if (/^[\w@.-]+(\/[\w.@-]+)+\/?$/.test(path) || /^[\w-]+\.(ts|mjs|md|json)$/.test(path)) {
    const inRooms = rooms.flatMap((room) => [`${room}/`, `${room}/src/`, `${room}/test/`]);
    const places = ['', 'node_modules/', ...inRooms];
    const isThere = places.some((place) => existsSync(join(root, `${place}${path}`)));
    return isThere ? undefined : 'is no file or folder';
  }
  const identifier = /^([A-Za-z][\w-]*)(\(.*\))?$/.exec(name)?.[1];
  if (identifier === undefined) return undefined;
  return words.has(identifier) ? undefined : 'is not in the code';
}

suite('docs', () => {
  for (const page of pages) {
    test(`${page}: every name in backticks exists`, () => {
      const text = read(page).replace(/^```[\s\S]*?^```/gm, '');
      const names = [...text.matchAll(/`([^`\n]+)`/g)].map(([, name = '']) => name);
      const problems = names.flatMap((name) => {
        const problem = problemOf(name);
        return problem === undefined ? [] : [`${page}: \`${name}\` ${problem}`];
      });
      assert.deepEqual(problems, []);
    });
  }

  test('docs/decisions: files and commands that a page names exist', () => {
    const decisions = listFiles('docs/decisions', '.md');
    assert.ok(decisions.length > 5, `only ${decisions.length} pages were read`);
    const ours =
      /^(npm (run|test|start)|(node |npx )?(framework|adapters|clients|program|scripts)\/)/;
    const problems = decisions.flatMap((page) =>
      [...read(page).matchAll(/`([^`\n]+)`/g)].flatMap(([, name = '']) => {
        const problem = ours.test(name) ? problemOf(name) : undefined;
        return problem === undefined ? [] : [`${page}: \`${name}\` ${problem}`];
      }),
    );
    assert.deepEqual(problems, []);
  });

  test('ARCHITECTURE.md lists the rooms that exist, in the order of imports, on one page', () => {
    const text = read('ARCHITECTURE.md');
    const listed = [...text.matchAll(/^\| \[([^\]]+)\]\(\1\)/gm)].map(([, room = '']) => room);
    assert.deepEqual(listed, rooms);
    assert.ok(text.split('\n').length <= 130, 'one page is at most 130 lines');
  });

  test('CONTRIBUTING.md lists every command', () => {
    const text = read('CONTRIBUTING.md');
    for (const name of Object.keys(manifest.scripts)) {
      const isListed = text.includes(`npm run ${name}`) || text.includes(`npm ${name}`);
      assert.ok(isListed, `add npm run ${name} to CONTRIBUTING.md`);
    }
  });

  test('a name that does not exist is found', () => {
    assert.match(problemOf('npm run nothing') ?? '', /no script/);
    assert.match(problemOf('framework/nowhere.ts') ?? '', /no file/);
    assert.match(problemOf('node scripts/nowhere.ts --x') ?? '', /no file/);
    assert.match(problemOf('NoSuch'.concat('Thing')) ?? '', /not in the code/);
    assert.equal(problemOf('LedgerError'), undefined);
    assert.equal(problemOf('scripts/rooms.ts'), undefined);
  });
});
