/**
 * What may be written of an error that nobody expected: our own assertions are sentences that hold
 * no data; the text of any other error may quote what a client sent ("Unexpected token ... in
 * JSON"), and logs leave the TEE.
 */
import { BugError, LedgerError } from '@coco/base';

/** `at` is the first frame of the stack; empty where there is none. */
export function bugReport(error: unknown): { readonly message: string; readonly at: string } {
  if (!(error instanceof Error)) return { message: `a thrown ${typeof error}`, at: '' };
  const isOurs = error instanceof BugError || error instanceof LedgerError;
  // The stack begins with the message, which may have lines of its own.
  const at = /^ +at (.+)$/m.exec((error.stack ?? '').replace(error.message, ''))?.[1] ?? '';
  return { message: isOurs ? error.message : error.name, at };
}
