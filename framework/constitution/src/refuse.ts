/**
 * How the constitution's program says no: an exception whose text the member reads. CCF shows it
 * as `Error: ...`, so it is a plain Error; the codes of the other rooms do not exist in an isolate.
 */

/** @throws Error always */
export function refuse(sentence: string): never {
  // tidy-allow: the program has no error codes; its host makes them of what it throws
  throw new Error(sentence);
}
