/**
 * What the constitution's program finds in its isolate: the `ccf` global of CCF 7, as far as the
 * actions use it (facts on CCF, section 4.3). The program has ECMAScript and this, nothing else.
 *
 * A file that uses the global declares it for itself (`declare const ccf: CcfGlobal`), so that no
 * other room of the repository sees a global that it does not have.
 */

/** A map of the store. Keys and values are bytes; a write outside `apply` throws. */
export interface CcfMap {
  get(key: ArrayBuffer): ArrayBuffer | undefined;
  has(key: ArrayBuffer): boolean;
  set(key: ArrayBuffer, value: ArrayBuffer): unknown;
  delete(key: ArrayBuffer): unknown;
  clear(): void;
  readonly size: number;
  forEach(visit: (value: ArrayBuffer, key: ArrayBuffer) => void): void;
}

export interface CcfGlobal {
  readonly kv: Readonly<Record<string, CcfMap>>;
  strToBuf(text: string): ArrayBuffer;
  bufToStr(bytes: ArrayBuffer): string;
  jsonCompatibleToBuf(value: unknown): ArrayBuffer;
  bufToJsonCompatible(bytes: ArrayBuffer): unknown;
  /** Hex SHA-256 of a certificate's DER. */
  pemToId(pem: string): string;
  tcbHexToPolicy(cpuid: string, tcbVersion: string): unknown;
  refreshAppBytecodeCache(): void;
  setJwtPublicSigningKeys(issuer: string, metadata: unknown, jwks: unknown): void;
  removeJwtPublicSigningKeys(issuer: string): void;
  readonly crypto: {
    digest(algorithm: 'SHA-256', bytes: ArrayBuffer): ArrayBuffer;
    isValidX509CertBundle(pem: unknown): boolean;
    /** Of later CCF 7 and of Coco; checks are left out where it is missing. */
    readonly isValidX509RootCACert?: (pem: string) => boolean;
    readonly pubRsaPemToJwk?: (pem: string) => unknown;
  };
  readonly gov: {
    /** @throws Error with what is wrong with the text */
    validateConstitution(text: string): unknown;
  };
  readonly node: {
    triggerRecoverySharesRefresh(): void;
    triggerLedgerRekey(): unknown;
    /** `recoveredTo` (VIEW.SEQNO) counts in Coco alone; CCF takes no third argument. */
    transitionServiceToOpen(
      previous: ArrayBuffer | undefined,
      next: ArrayBuffer,
      recoveredTo?: string,
    ): void;
    triggerLedgerChunk(): void;
    triggerSnapshot(): void;
    /** Only where services keep sealed shares. */
    readonly shuffleSealedShares?: () => void;
  };
  readonly network: {
    getLatestLedgerSecretSeqno(): number;
    /** PEM, valid from a time for some days. */
    generateEndorsedCertificate(request: string, validFrom: string, days: number): string;
    generateNetworkCertificate(validFrom: string, days: number): string;
  };
  /** Coco's own; a CCF service has none of it. */
  readonly coco?: {
    /** @throws Error with what is wrong with the settings */
    readonly checkAdapterSettings?: (adapter: string, settings: unknown) => void;
    /** Writes them into the adapter's own maps. */
    readonly applyAdapterSettings?: (adapter: string, settings: unknown) => void;
  };
}
