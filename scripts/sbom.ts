/**
 * `npm run sbom [-- --json]`: what this repository is made of, with versions, licences and install
 * scripts; --json gives CycloneDX 1.6. Fails on a component without a licence, or with one that
 * is not listed here.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Component, listComponents } from './components.ts';
import { root } from './rooms.ts';

/** Licences that fit an Apache-2.0 project that links or runs the component. */
const accepted: readonly string[] = [
  '0BSD',
  'Apache-2.0',
  'BlueOak-1.0.0',
  'BSD-2-Clause',
  'BSD-3-Clause',
  'CC0-1.0',
  'ISC',
  'MIT',
  'MIT-0',
  'MPL-2.0',
  'Unicode-3.0',
  'Unlicense',
  'Zlib',
];

/** Whether an SPDX expression can be met with accepted licences only. */
export function isAccepted(expression: string): boolean {
  const tokens = expression.match(/\(|\)|[^\s()]+/g) ?? [];
  const either = (): boolean => {
    let value = both();
    while (tokens[0] === 'OR') {
      tokens.shift();
      value = both() || value;
    }
    return value;
  };
  const both = (): boolean => {
    let value = one();
    while (tokens[0] === 'AND') {
      tokens.shift();
      value = one() && value;
    }
    return value;
  };
  const one = (): boolean => {
    const token = tokens.shift();
    if (token !== '(') return token !== undefined && accepted.includes(token);
    const value = either();
    return tokens.shift() === ')' && value;
  };
  return either() && tokens.length === 0;
}

/** What is wrong with the components' licences, one sentence each. */
export function licenceFindings(components: readonly Component[]): string[] {
  return components.flatMap(({ ecosystem, name, version, licence }) => {
    const which = `${ecosystem} ${name} ${version}`;
    if (licence === undefined) {
      return [`${which} has no licence: look it up and add it to scripts/sbom/licences.json.`];
    }
    if (isAccepted(licence)) return [];
    return [`${which} is under ${licence}: replace it, or accept the licence in scripts/sbom.ts.`];
  });
}

/** The components as a CycloneDX 1.6 document. */
export function cycloneDx(components: readonly Component[]): object {
  const { name, version }: { name: string; version: string } = JSON.parse(
    readFileSync(join(root, 'package.json'), 'utf8'),
  );
  return {
    bomFormat: 'CycloneDX',
    specVersion: '1.6',
    version: 1,
    metadata: {
      component: {
        type: 'application',
        'bom-ref': `${name}@${version}`,
        name,
        version,
        licenses: [{ license: { id: 'Apache-2.0' } }],
      },
    },
    components: components.map(describe),
  };
}

function describe(component: Component): object {
  const { ecosystem, name, version, licence = '', sha512Hex } = component;
  const path = name.replace('@', '%40');
  const isPlain = /^[\w.-]+$/.test(licence);
  return {
    type: 'library',
    'bom-ref': `pkg:${ecosystem}/${path}@${version}`,
    name,
    version,
    scope: component.isDevelopment ? 'excluded' : 'required',
    ...(sha512Hex === undefined ? {} : { hashes: [{ alg: 'SHA-512', content: sha512Hex }] }),
    licenses: [isPlain ? { license: { id: licence } } : { expression: licence }],
    purl: `pkg:${ecosystem}/${path}@${version}`,
    properties: [{ name: 'coco:installScript', value: String(component.hasInstallScript) }],
  };
}

function print(components: readonly Component[]): void {
  for (const one of components) {
    const script = one.hasInstallScript ? 'script' : '';
    const use = one.isDevelopment ? 'development' : 'runtime';
    const cells = [one.ecosystem.padEnd(6), one.name.padEnd(44), one.version.padEnd(12)];
    console.log([...cells, use.padEnd(11), script.padEnd(6), one.licence ?? '?'].join(' '));
  }
  const withScript = components.filter((one) => one.hasInstallScript);
  const npm = withScript.filter((one) => one.ecosystem === 'npm');
  console.log(`\n${components.length} components`);
  console.log(
    `${npm.length} npm packages have an install script, which never runs: packages are installed with --ignore-scripts`,
  );
  console.log(
    `${withScript.length - npm.length} crates have a build script, which runs only where the artefact is built anew`,
  );
}

function main(): number {
  const components = listComponents();
  if (process.argv.includes('--json')) console.log(JSON.stringify(cycloneDx(components), null, 2));
  else print(components);
  const findings = licenceFindings(components);
  for (const finding of findings) console.error(finding);
  return findings.length === 0 ? 0 : 1;
}

if (process.argv[1] === import.meta.filename) process.exitCode = main();
