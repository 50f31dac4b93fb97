/** The door of @coco/ethereum. */
export type { AdmissionPool, AdmittedTransaction } from './admission.ts';
export { SameThreadAdmission } from './admission.ts';
export type { CallExecutor } from './call-executor.ts';
export { claimsDigest } from './claims.ts';
export { compileEngine, createEthereumAdapter } from './create-adapter.ts';
export { Engine } from './engine.ts';
export type { ExecutionEngine } from './engine-types.ts';
export { ethereumMaps } from './ethereum-state.ts';
export type { EthereumLimits, EthereumOptions, PrefundedAccount } from './options.ts';
export { ethereumLimitsDefault } from './options.ts';
export type { WorkerAdmissionOptions } from './worker-admission.ts';
export { WorkerAdmission } from './worker-admission.ts';
export { WorkerCalls } from './worker-calls.ts';
