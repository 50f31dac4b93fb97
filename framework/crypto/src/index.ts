/** The door of @coco/crypto. */
export { AeadSealer, aeadTagBytes, openAead, sealAead } from './aead.ts';
export type { Certificate, CertificateOptions } from './certificate.ts';
export { certificateIssuedBy, createCertificate, parseCertificate } from './certificate.ts';
export { signCose, verifyCose } from './cose-signature.ts';
export { hkdfSha256, hmacSha256, Sha256, sha256 } from './digest.ts';
export { EncryptionKey, encryptTo } from './encryption-key.ts';
export { SecretKey } from './secret-key.ts';
export type { CurveName } from './signing-key.ts';
export { algorithmOf, parsePublicKey, SigningKey, verifySignature } from './signing-key.ts';
export { createSigningRequest, endorseSigningRequest } from './signing-request.ts';
export type { TokenAlgorithm } from './token-signature.ts';
export { verifyTokenSignature } from './token-signature.ts';
