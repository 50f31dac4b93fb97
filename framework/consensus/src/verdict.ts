/** What becomes of a peer's message (style rule 27). */
export type Verdict =
  /** Taken, or held until its bodies have come. */
  | { readonly kind: 'accept' }
  /** Honest but of no use now: late, or no room. Raft sends again what matters. */
  | { readonly kind: 'ignore'; readonly reason: string }
  /** Against the protocol: the owner should end the connection. */
  | { readonly kind: 'reject'; readonly reason: string };

export const accepted: Verdict = { kind: 'accept' };

export function ignored(reason: string): Verdict {
  return { kind: 'ignore', reason };
}

export function rejected(reason: string): Verdict {
  return { kind: 'reject', reason };
}
