/** The text of a constitution, as it is handed to a node's configuration or to set_constitution. */
import { constitutionText } from './constitution.gen.ts';

/** An ES module that exports CCF's validate, resolve and apply: a simple majority decides. */
export function createConstitution(): string {
  return constitutionText;
}
