/** What a command says: text for people on stdout, or with --json one document for programs. */
import { type JsonValue, printable } from '@coco/base';
import type { Flag, Given } from './command-line.ts';

export const outputFlags: Readonly<Record<string, Flag>> = {
  json: { type: 'boolean', meaning: 'print one JSON document instead of text' },
};

/** Prints the result of a command. */
export function show(given: Given, document: JsonValue, text: string): void {
  console.log(given.isSet('json') ? JSON.stringify(document, undefined, 2) : printable(text));
}

/** Says something by the way, on stderr, so that stdout holds the result alone. */
export function note(text: string): void {
  process.stderr.write(`${printable(text)}\n`);
}
