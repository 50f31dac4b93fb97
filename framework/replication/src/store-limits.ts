/** How large the state of a node and its transactions may be. */

/** A transaction fits a batch body (batch-pipeline.ts). */
export const storeLimits: { readonly transactionBytesMax: number } = {
  transactionBytesMax: 8 * 1024 * 1024,
};
