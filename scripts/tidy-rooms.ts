/** `tidy` for whole rooms and for prose: a room's shape, and links between Markdown files. */
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { dirname, join, normalize } from 'node:path';
import type { Finding, SourceFile } from './tidy.ts';

/** The style's 20 is a wish; a whole JSON-RPC interface, or the wiring of a node, needs more. */
const sourceFilesMax = 70;

interface Manifest {
  readonly name?: string;
  readonly private?: boolean;
  readonly license?: string;
  readonly exports?: Readonly<Record<string, unknown>>;
  readonly dependencies?: Readonly<Record<string, string>>;
  readonly devDependencies?: Readonly<Record<string, string>>;
}

/** A room's shape; `base` is the folder that holds the repository (another one in tests). */
export function checkRoom(base: string, room: string): Finding[] {
  const findings: Finding[] = [];
  const report = (file: string, message: string): void => {
    findings.push({ file: `${room}/${file}`, line: 1, message });
  };
  const has = (file: string): boolean => existsSync(join(base, room, file));
  const read = (file: string): string => readFileSync(join(base, room, file), 'utf8');
  const manifest: Manifest = JSON.parse(read('package.json'));
  checkManifest(manifest, { room, isProgram: has('src/main.ts') }, report);
  if (has('README.md')) checkReadme(read('README.md'), manifest, report);
  else report('README.md', 'Write it: one table with owns, does not own, may import.');
  if (!has('src/index.ts') && !has('src/main.ts')) {
    report('src/index.ts', 'A room has one door, src/index.ts (a program: src/main.ts): add it.');
  }
  const sources = has('src') ? readdirSync(join(base, room, 'src')) : [];
  for (const name of sources) {
    if (statSync(join(base, room, 'src', name)).isDirectory()) {
      report(`src/${name}`, 'src is flat: move the files up, or make a room of the folder.');
    }
  }
  if (sources.length > sourceFilesMax) {
    report('src', `${sources.length} files; the limit is ${sourceFilesMax}: split the room.`);
  }
  if (!has('test/index.ts')) {
    report('test/index.ts', 'Add it: it imports every test file of the room.');
    return findings;
  }
  const imported = read('test/index.ts');
  for (const name of readdirSync(join(base, room, 'test'))) {
    if (name.endsWith('.test.ts') && !imported.includes(`'./${name}'`)) {
      report(`test/${name}`, `Never runs: add import './${name}' to ${room}/test/index.ts.`);
    }
  }
  return findings;
}

const oneDoor = './src/index.ts';
/** Of a room whose use of Node a browser must not get: bundlers pick the first that fits. */
const twoDoors = { browser: './src/browser.ts', default: oneDoor };

type Report = (file: string, message: string) => void;

function checkManifest(
  manifest: Manifest,
  { room, isProgram }: { readonly room: string; readonly isProgram: boolean },
  report: Report,
): void {
  const name = `@coco/${room.split('/').at(-1)}`;
  if (manifest.name !== name) report('package.json', `Set "name" to "${name}".`);
  if (manifest.license !== 'Apache-2.0') report('package.json', 'Set "license" to "Apache-2.0".');
  const door = manifest.exports?.['.'];
  if (!isProgram && door !== oneDoor && JSON.stringify(door) !== JSON.stringify(twoDoors)) {
    report('package.json', `Set "exports" to { ".": "${oneDoor}" }.`);
  }
  const wanted = { ...manifest.dependencies, ...manifest.devDependencies };
  for (const [dependency, version] of Object.entries(wanted)) {
    if (!/^\d+\.\d+\.\d+(-[\w.]+)?$/.test(version)) {
      report('package.json', `${dependency}: pin one exact version instead of ${version}.`);
    }
  }
}

/** The README's table says what the room may import; package.json must not say more. */
function checkReadme(text: string, manifest: Manifest, report: Report): void {
  const rows = text.split('\n').filter((line) => line.startsWith('|'));
  const table = rows.join('\n').toLowerCase();
  for (const word of ['owns', 'does not own', 'may import']) {
    if (!table.includes(word)) report('README.md', `The table lacks "${word}": add it.`);
  }
  for (const dependency of Object.keys(manifest.dependencies ?? {})) {
    if (!dependency.startsWith('@coco/')) continue;
    const short = dependency.replace('@coco/', '');
    if (!table.includes(short.toLowerCase())) {
      report('README.md', `"may import" lacks ${short}, which package.json depends on: add it.`);
    }
  }
}

const link = /\[[^\]]*\]\(([^)\s]+)\)/g;

/** Links to files and to headings in this repository; links to the web are not followed. */
export function checkLinks(base: string, file: SourceFile): { count: number; findings: Finding[] } {
  const findings: Finding[] = [];
  let count = 0;
  let isCode = false;
  file.text.split('\n').forEach((text, index) => {
    if (text.startsWith('```')) isCode = !isCode;
    if (isCode) return;
    for (const [, target = ''] of text.matchAll(link)) {
      if (/^[a-z]+:/.test(target)) continue;
      count++;
      const problem = linkProblem(base, file, target);
      if (problem !== undefined) {
        findings.push({ file: file.path, line: index + 1, message: `${target} ${problem}` });
      }
    }
  });
  return { count, findings };
}

function linkProblem(base: string, file: SourceFile, target: string): string | undefined {
  const [path = '', heading] = target.split('#');
  const place = path === '' ? file.path : normalize(join(dirname(file.path), path));
  if (path !== '' && !existsSync(join(base, place))) return 'leads nowhere: put the link right.';
  if (heading === undefined || !place.endsWith('.md')) return undefined;
  const text = path === '' ? file.text : readFileSync(join(base, place), 'utf8');
  const headings = [...text.matchAll(/^#+ (.*)$/gm)].map(([, title = '']) => headingId(title));
  return headings.includes(heading) ? undefined : `has no heading #${heading}: put the link right.`;
}

/** As the hosts of repositories make it: lower case, no punctuation, hyphens for spaces. */
function headingId(title: string): string {
  return title
    .toLowerCase()
    .replace(/[^\p{L}\p{N}\s_-]/gu, '')
    .trim()
    .replace(/\s/g, '-');
}
