/** The door of @coco/crypto. */
export { AeadSealer, aeadTagBytes, openAead, sealAead } from './aead.ts';
export type { Certificate, CertificateOptions } from './certificate.ts';
export { certificateIssuedBy, createCertificate, parseCertificate } from './certificate.ts';
export { isCertificateBundle, isCertificateChain } from './certificate-bundle.ts';
export { signCose, verifyCose } from './cose-signature.ts';
export type { SignatureAlgorithm } from './data-signature.ts';
export { signData, verifyData } from './data-signature.ts';
export { hkdfSha256, hmacSha256, Sha256, sha256, sha256Text, TagKey } from './digest.ts';
export { EncryptionKey, encryptTo } from './encryption-key.ts';
export type { KeyPairPem } from './key-pair-pem.ts';
export { generateEcdsaPem, generateEddsaPem, generateRsaPem } from './key-pair-pem.ts';
export type { WrapAlgorithm } from './key-wrapping.ts';
export { unwrapKey, wrapKey } from './key-wrapping.ts';
export type { PublishedKey } from './published-key.ts';
export { parsePublishedKey } from './published-key.ts';
export type { SealedMessage } from './sealed-message.ts';
export { openSealed, sealTo } from './sealed-message.ts';
export { SecretKey } from './secret-key.ts';
export type { CurveName } from './signing-key.ts';
export { algorithmOf, parsePublicKey, SigningKey, verifySignature } from './signing-key.ts';
export {
  createSigningRequest,
  endorseSigningRequest,
  signingRequestKey,
} from './signing-request.ts';
export type { TokenAlgorithm } from './token-signature.ts';
export { verifyTokenSignature } from './token-signature.ts';
export type { WebKeyKind } from './web-key.ts';
export { pemToWebKey, webKeyToPem } from './web-key.ts';
