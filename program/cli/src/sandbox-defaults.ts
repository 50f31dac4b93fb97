/** Where a sandbox is unless it is said otherwise. 2017 is the year in which Coco was announced. */
export const sandboxDefaults = {
  folder: 'sandbox',
  httpsPort: 8000,
  rpcPort: 8545,
  chainId: 2017,
  nodeCount: 3,
} as const;
