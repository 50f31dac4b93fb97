/** The text of a constitution, as it is handed to a node's configuration or to set_constitution. */
import { textAfterRules, textBeforeRules } from './constitution.gen.ts';
import { initialRules } from './initial-rules.ts';
import { parseRulesDocument } from './parse-rules-document.ts';
import type { RulesDocument } from './rules-document.ts';

/**
 * An ES module that exports CCF's validate, resolve and apply, and Coco's nextResolution. It begins
 * with the given rules; without any, a simple majority decides.
 * @throws RulesDocumentInvalid, RulesDocumentUnsafe
 * @example
 * const text = createConstitution({ rules: await readJson('bank-consortium.json') });
 */
export function createConstitution({ rules = initialRules }: { rules?: unknown } = {}): string {
  const document: RulesDocument = parseRulesDocument(rules);
  // JSON is an expression of JavaScript; the one exception, a key __proto__, is refused above.
  const literal = `const initialRules = ${JSON.stringify(document, undefined, 2)};`;
  return [textBeforeRules, literal, textAfterRules].join('\n');
}
