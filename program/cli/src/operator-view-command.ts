/** `coco operator-view`: shows the sandbox's files as the host of the node sees them. */
import { resolve } from 'node:path';
import { fromHex } from '@coco/base';
import type { Command } from './command-line.ts';
import { findInFiles, seeFiles } from './operator-view.ts';
import { sandboxDefaults } from './sandbox-defaults.ts';
import { SandboxFolder } from './sandbox-folder.ts';

export const operatorViewCommand: Command = {
  flags: {
    folder: {
      type: 'string',
      value: 'DIR',
      meaning: `the sandbox; default ${sandboxDefaults.folder}`,
    },
  },
  run: async (given) => {
    const folder = new SandboxFolder(resolve(given.text('folder') ?? sandboxDefaults.folder));
    const [{ path: nodePath }] = await folder.nodes();
    const files = await seeFiles(nodePath);
    console.log(`What the host sees in ${nodePath}, of each file where it is least readable:`);
    for (const { path, sizeBytes, glimpse } of files) {
      console.log(`  ${path.padEnd(34)} ${String(sizeBytes).padStart(10)} B  ${glimpse}`);
    }
    console.log('\nSearched in all of it, raw, in hex, in base64 and in UTF-16:');
    const accounts = await folder.readAccounts();
    for (const [at, { address }] of accounts.entries()) {
      // The configuration names the accounts that genesis funded: that is the operator's own file.
      const found = (await findInFiles(nodePath, fromHex(address))).filter(
        (path) => path !== 'config.json',
      );
      const where = found.length === 0 ? 'found nowhere' : `FOUND in ${found.join(', ')}`;
      console.log(`  address of account ${at + 1}: ${where}`);
    }
    console.log(
      '\nReadable: governance (members, nodes, proposals), sizes and times. Everything of Ethereum\n' +
        'is encrypted. On the virtual platform root can read the process’s memory all the same.',
    );
  },
};
