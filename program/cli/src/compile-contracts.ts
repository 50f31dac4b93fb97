/** Compiles the demo's contracts with solc from npm, resolving OpenZeppelin's sources. */
import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { present } from '@coco/base';
import type { Abi } from 'viem';
import { cliError } from './errors.ts';

export interface CompiledContract {
  readonly abi: Abi;
  readonly bytecode: `0x${string}`;
}

interface SolcOutput {
  readonly errors?: readonly { readonly severity: string; readonly formattedMessage: string }[];
  readonly contracts?: Readonly<
    Record<string, Readonly<Record<string, { abi: Abi; evm: { bytecode: { object: string } } }>>>
  >;
}

const importPattern = /import\s[^;]*?"([^"]+)"/g;
const require = createRequire(import.meta.url);

/**
 * Compiles the named contracts of `program/cli/contracts`.
 * @throws SandboxBroken when a source does not compile.
 */
export async function compileContracts(
  names: readonly string[],
): Promise<ReadonlyMap<string, CompiledContract>> {
  const sources = new Map<string, string>();
  for (const name of names) await collect(`${name}.sol`, sources);
  const solc = require('solc') as { compile(input: string): string };
  const output = JSON.parse(
    solc.compile(
      JSON.stringify({
        language: 'Solidity',
        sources: Object.fromEntries([...sources].map(([path, content]) => [path, { content }])),
        settings: {
          optimizer: { enabled: true, runs: 200 },
          outputSelection: { '*': { '*': ['abi', 'evm.bytecode.object'] } },
        },
      }),
    ),
  ) as SolcOutput;
  const failure = output.errors?.find((error) => error.severity === 'error');
  if (failure) throw cliError('SandboxBroken', failure.formattedMessage);
  return new Map(
    names.map((name) => {
      const contract = present(output.contracts?.[`${name}.sol`]?.[name], `${name} is compiled`);
      return [name, { abi: contract.abi, bytecode: `0x${contract.evm.bytecode.object}` }];
    }),
  );
}

/** Reads a source and, in turn, everything it imports. */
async function collect(path: string, sources: Map<string, string>): Promise<void> {
  if (sources.has(path)) return;
  const file = path.startsWith('@')
    ? require.resolve(path)
    : new URL(`../contracts/${path}`, import.meta.url);
  const content = await readFile(file, 'utf8');
  sources.set(path, content);
  for (const [, imported = ''] of content.matchAll(importPattern)) {
    const base = new URL(path, 'file:///');
    const target = imported.startsWith('.') ? new URL(imported, base).pathname.slice(1) : imported;
    await collect(decodeURIComponent(target), sources);
  }
}
