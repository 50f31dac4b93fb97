/** What authentication reads of the ledger: the tables are governance's, read at one state. */
import type { JsonValue } from '@coco/base';

/** A member or user. */
export interface KnownParty {
  /** PEM. */
  readonly certificatePem: string;
  readonly data: JsonValue | undefined;
}

/** A key of which governance, or the refresh of an issuer's keys, says that it signs tokens. */
export interface TokenKey {
  /** DER SubjectPublicKeyInfo. */
  readonly publicKey: Uint8Array;
  /** The issuer in whose name the key was recorded. */
  readonly issuer: string;
  /** What a token's `iss` has to agree with; without it any `iss` passes. */
  readonly constraint: string | undefined;
}

/** Ids of members and users are lower-case hex SHA-256 of a certificate. */
export interface IdentityLookup {
  member(id: string): KnownParty | undefined;
  isActiveMember(id: string): boolean;
  user(id: string): KnownParty | undefined;
  /**
   * Whether the committed ledger trusts the node with this id (hex SHA-256 of its key). A trust
   * that may yet be rolled back must not open anything to it.
   */
  isTrustedNode(id: string): boolean;
  /** The keys under one key id, one for each issuer that uses it; empty when there are none. */
  tokenKeys(keyId: string): readonly TokenKey[];
}
