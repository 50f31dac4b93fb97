/** The door of @coco/member. */
export {
  type DescribedCertificate,
  describeCertificate,
  memberName,
} from './describe-certificate.ts';
export type { ProposalInfo, Submitted } from './governance-service.ts';
export { GovernanceService, objectOf } from './governance-service.ts';
export {
  MemberFiles,
  readBytesFile,
  readCertificateFile,
  readSigningKeyFile,
  readTextFile,
  writeMemberFiles,
  writeNewFile,
} from './member-files.ts';
export { printable } from './printable.ts';
export { buildProposal, parseProposal, standardBallots } from './proposal.ts';
export type { Signer } from './signer.ts';
export { commandSigner, keySigner } from './signer.ts';
export type { MemberRequest, SignedRequest, SigningRequest } from './signing-request.ts';
export {
  encodeSigningRequest,
  finishRequest,
  parseSigningRequest,
  prepareRequest,
} from './signing-request.ts';
