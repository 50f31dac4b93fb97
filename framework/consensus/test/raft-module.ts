/** The artefact, compiled once for all tests of the room. */
import { readFileSync } from 'node:fs';
import { loadRaftModule, raftModuleHashUrl, raftModuleUrl } from '../src/index.ts';

export const raftModule: WebAssembly.Module = await loadRaftModule(
  readFileSync(raftModuleUrl),
  readFileSync(raftModuleHashUrl, 'utf8'),
);
