/** What TLS agrees on keys with, on every interface of a node, clients' and peers' alike. */

/** Hybrid post-quantum groups first (draft-ietf-tls-ecdhe-mlkem), then classical ones. */
export const keyExchangeGroups =
  'X25519MLKEM768:SecP384r1MLKEM1024:SecP256r1MLKEM768:X25519:P-384:P-256';
