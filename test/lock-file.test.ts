/** package-lock.json installs from scratch: what `npm ci` and a stranger's registry need of it. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { suite, test } from 'node:test';
import { root } from '../scripts/rooms.ts';

interface Entry {
  readonly version?: string;
  readonly resolved?: string;
  readonly integrity?: string;
  readonly link?: boolean;
  readonly optionalDependencies?: Readonly<Record<string, string>>;
}

suite('package-lock.json', () => {
  const { packages }: { packages: Record<string, Entry> } = JSON.parse(
    readFileSync(join(root, 'package-lock.json'), 'utf8'),
  );
  const entries = Object.entries(packages);

  test('has an entry for each optional package, whatever its platform', () => {
    const missing = entries.flatMap(([path, entry]) =>
      Object.keys(entry.optionalDependencies ?? {})
        .filter(
          (name) => !packages[`node_modules/${name}`] && !packages[`${path}/node_modules/${name}`],
        )
        .map((name) => `${name}, which ${path} wants`),
    );
    assert.deepEqual(
      missing,
      [],
      'npm ci refuses this lock file: choose a version whose packages all exist',
    );
  });

  test('pins each package by digest and names no registry', () => {
    const pinned = entries.filter(([path, entry]) => path.includes('node_modules/') && !entry.link);
    assert.ok(pinned.length > 100, `only ${pinned.length} packages were read`);
    for (const [path, { integrity, resolved }] of pinned) {
      assert.match(integrity ?? '', /^sha512-/, `${path} has no digest`);
      assert.equal(resolved, undefined, `${path} names its registry: keep .npmrc as it is`);
    }
  });
});
