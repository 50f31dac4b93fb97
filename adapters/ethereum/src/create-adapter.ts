/** Builds the adapter from its options. */

import { readFileSync } from 'node:fs';
import type { Adapter } from '@coco/adapter';
import { consortiumRule, EthereumAdapter } from './adapter.ts';
import { Engine, engineArtefactUrl, loadEngineModule } from './engine.ts';
import { type EthereumOptions, ethereumSettings } from './options.ts';

/**
 * Reads and compiles the engine's artefact: some 50 ms, once per process. Share the module between
 * the adapter and its admission pool.
 * @throws EngineArtefactInvalid
 */
export function compileEngine(): WebAssembly.Module {
  return loadEngineModule(readFileSync(engineArtefactUrl));
}

/**
 * The Ethereum adapter, ready for a node.
 * @throws EngineArtefactInvalid
 * @example
 * const engineModule = compileEngine();
 * const adapter = createEthereumAdapter({
 *   chainId: 1337n,
 *   prefunded: [{ address, balance: 10n ** 24n }],
 *   admissionPool: new WorkerAdmission({ engineModule, threadCount: 1 }),
 *   engineModule,
 * });
 */
export function createEthereumAdapter(options: EthereumOptions): Adapter {
  const settings = ethereumSettings(options);
  const engine = new Engine(options.engineModule ?? compileEngine());
  return new EthereumAdapter(settings, engine, consortiumRule, options.calls);
}
