/** What every TLS endpoint of a node goes by. */

/** Hybrid post-quantum groups first (draft-ietf-tls-ecdhe-mlkem), then classical ones. */
export const keyExchangeGroups =
  'X25519MLKEM768:SecP384r1MLKEM1024:SecP256r1MLKEM768:X25519:P-384:P-256';

export interface TlsIdentity {
  readonly certificatePem: string;
  readonly privateKeyPem: string;
}
