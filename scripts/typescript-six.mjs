/**
 * Preloaded into dependency-cruiser: it reads imports with TypeScript's JavaScript API, which
 * TypeScript 7 does not have yet, so its `typescript` is the 6.0 that lies beside.
 */
import { registerHooks } from 'node:module';

registerHooks({
  resolve(specifier, context, next) {
    const isCompiler = specifier === 'typescript' || specifier.startsWith('typescript/');
    return next(
      isCompiler ? specifier.replace('typescript', 'typescript-six') : specifier,
      context,
    );
  },
});
