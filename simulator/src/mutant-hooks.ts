/**
 * Loaded before everything else (`node --import`) in a run of a mutant: gives the patched text in
 * place of a source file of production. The file on disk is not touched.
 */
import { registerHooks } from 'node:module';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { mutants, type Patch } from './mutants.ts';

const root = new URL('../../', import.meta.url);
const name = process.env.COCO_MUTANT;
const mutant = mutants.find((one) => one.name === name);
if (!mutant) throw new ReferenceError(`There is no mutant "${name}".`);

const patches = new Map<string, Patch[]>();
for (const patch of mutant.patches) {
  const url = pathToFileURL(fileURLToPath(new URL(patch.file, root))).href;
  patches.set(url, [...(patches.get(url) ?? []), patch]);
}

registerHooks({
  load: (url, context, nextLoad) => {
    const loaded = nextLoad(url, context);
    const changes = patches.get(url);
    if (!changes) return loaded;
    let source = String(loaded.source);
    for (const { file, find, replace } of changes) {
      const parts = source.split(find);
      if (parts.length !== 2)
        throw new ReferenceError(`${file} holds ${parts.length - 1} times: ${find}`);
      source = parts.join(replace);
    }
    return { ...loaded, source };
  },
});
