/** Policy: what a consortium, or a client, accepts as evidence. */

/** Evidence of the virtual platform is accepted only with one of these. */
export interface VirtualPolicy {
  /** Development roots: PEM (certificate or key) or DER SubjectPublicKeyInfo. */
  readonly roots: readonly (string | Uint8Array)[];
  /** Accepted measurements; 'any' where the root alone decides. */
  readonly measurements: readonly string[] | 'any';
  /** Accepted host data (64 lower-case hex digits); 'any' where the root alone decides. */
  readonly hostData: readonly string[] | 'any';
}

export interface EvidencePolicy {
  /** Absent: virtual evidence is refused, as on every network with private data. */
  readonly virtual?: VirtualPolicy;
}
