/** What one authentication policy makes of a request. */
import type { Caller } from './caller.ts';
import type { IdentityLookup } from './identity-lookup.ts';

/** The caller, or why there is none: CCF's sentence, which its clients and tests compare. */
export type Attempt = { readonly caller: Caller } | { readonly refusal: string };

export interface AttemptContext {
  readonly lookup: IdentityLookup;
  /** Unix time by the clock port. */
  readonly nowMs: number;
  /** The type that a signed message must have. */
  readonly messageType: string | undefined;
}
