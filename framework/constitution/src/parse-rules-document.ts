/** A rules document from outside: parsed, or refused with every reason. */
import { checkTakeover } from './check-rules.ts';
import { constitutionError } from './errors.ts';
import { readRules } from './read-rules.ts';
import type { RulesDocument } from './rules-document.ts';

/**
 * Checks the form, and that no minority could take over. Whether the consortium would be locked
 * out depends on its members: checkRules.
 * @throws RulesDocumentInvalid, RulesDocumentUnsafe
 */
export function parseRulesDocument(value: unknown): RulesDocument {
  const read = readRules(value);
  if (read.kind === 'malformed') {
    const message = `The rules document has not the right form. ${read.problems.join('. ')}.`;
    throw constitutionError('RulesDocumentInvalid', message);
  }
  const problems = checkTakeover(read.rules);
  if (problems.length === 0) return read.rules;
  const message = problems.map(({ sentence }) => sentence).join(' ');
  throw constitutionError('RulesDocumentUnsafe', message);
}
