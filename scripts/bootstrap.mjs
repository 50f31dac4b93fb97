/**
 * The way into every command: `node scripts/bootstrap.mjs <command> [arguments]`. It makes sure of
 * the Node.js that Coco runs on and of the packages that package-lock.json pins, then runs the
 * command with them. Plain JavaScript without dependencies, because it runs before either is there
 * and on any Node.js from 20 on. Quiet when there is nothing to do; what it says goes to stderr,
 * so that a command's own output stays clean. Every failure is one sentence with its remedy.
 */
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { installPackages, packagesMatch } from './install-packages.mjs';
import { findRuntime, nodeIsSuitable, nodeOldest } from './install-runtime.mjs';
import { runChild } from './run-child.mjs';
import { BootstrapFailure } from './step.mjs';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const program = 'program/cli/src/main.ts';

/** Each command: the script it runs, and whether a person talks to it (Ctrl-C is a request). */
const commands = {
  start: { script: [program, 'sandbox'], isInteractive: true },
  demo: { script: [program, 'demo'], isInteractive: true },
  coco: { script: [program], isInteractive: true },
  test: { script: ['scripts/test.ts'], isInteractive: false },
  interop: { script: ['scripts/interop.ts'], isInteractive: false },
  check: { script: ['scripts/check.ts'], isInteractive: false },
  artefacts: { script: ['scripts/artefacts.ts'], isInteractive: false },
  bench: { script: ['scripts/bench.ts'], isInteractive: false },
  simulate: { script: ['simulator/src/main.ts'], isInteractive: true },
  sbom: { script: ['scripts/sbom.ts'], isInteractive: false },
};

async function main() {
  const [name, ...rest] = process.argv.slice(2);
  const command = Object.hasOwn(commands, name || '') ? commands[name] : undefined;
  if (!command) {
    const known = Object.keys(commands).join(', ');
    throw new BootstrapFailure(`"${name || ''}" is no command: use one of ${known}.`);
  }
  const node = nodeIsSuitable(process.versions.node) ? process.execPath : await findRuntime(root);
  if (!packagesMatch(root)) await installPackages(root, node);
  await runChild({
    file: node,
    args: [...command.script, ...rest],
    cwd: root,
    env: environment(node),
    isInteractive: command.isInteractive,
  });
}

/** Children that call `node` by name get the same one; so does npm. */
function environment(node) {
  const separator = process.platform === 'win32' ? ';' : ':';
  const path = [dirname(node), join(root, 'node_modules', '.bin'), process.env.PATH || ''];
  return { ...process.env, PATH: path.join(separator), NODE: node, npm_node_execpath: node };
}

const major = Number(process.versions.node.split('.')[0]);
if (major < 20) {
  console.error(
    `coco: Node.js ${process.versions.node} is too old to begin with: install ${nodeOldest} or newer of Node.js 24 (any from 20 on can fetch it by itself).`,
  );
  process.exitCode = 1;
} else {
  main().catch((error) => {
    if (!(error instanceof BootstrapFailure)) throw error;
    console.error(`coco: ${error.message}`);
    process.exitCode = 1;
  });
}
