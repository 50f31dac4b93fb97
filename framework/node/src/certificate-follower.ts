/**
 * Follows the certificates that governance writes: when a commit has changed this node's endorsed
 * certificate or the service's, the node shows the new one. Only committed rows count, so nothing
 * has to be undone when a view is lost. Keys never change here: a row of another key is left alone,
 * because TLS and the ledger's signatures are by the keys that this node holds.
 */

import { equalBytes, LedgerError, type Log, utf8Encode } from '@coco/base';
import {
  type Certificate,
  certificateIssuedBy,
  endorseSigningRequest,
  parseCertificate,
} from '@coco/crypto';
import { nodeCertificates, serviceInfo } from '@coco/governance';
import type { ReadView } from '@coco/kv';
import type { CommitObserver } from '@coco/replication';
import type { NodeIdentity, ServiceIdentity } from './identities.ts';

const dayMs = 86_400_000;

/** What the node shows, in PEM. */
export interface NodeCertificates {
  readonly service: string;
  /** By the service: what TLS clients see. */
  readonly endorsed: string;
  readonly selfSigned: string;
}

export class CertificateFollower implements CommitObserver {
  readonly #node: NodeIdentity;
  readonly #service: ServiceIdentity;
  readonly #log: Log;
  readonly #show: (certificates: NodeCertificates) => void;
  readonly #write: (certificates: NodeCertificates) => Promise<void>;
  /** Invariant: the certificates are of the keys of `#node` and `#service`. */
  #current: NodeCertificates;
  /** The seqnos that wrote the rows that were looked at last. */
  #seen: string | undefined;
  #written: Promise<void> = Promise.resolve();

  constructor(options: {
    readonly node: NodeIdentity;
    readonly service: ServiceIdentity;
    readonly log: Log;
    /** Takes them into use, at once. */
    readonly show: (certificates: NodeCertificates) => void;
    /** Leaves them in files for operators. @throws DiskFault */
    readonly write: (certificates: NodeCertificates) => Promise<void>;
  }) {
    const { node, service } = options;
    this.#node = node;
    this.#service = service;
    this.#log = options.log;
    this.#show = options.show;
    this.#write = options.write;
    this.#current = {
      service: service.certificatePem,
      endorsed: node.endorsedPem,
      selfSigned: node.selfSignedPem,
    };
  }

  get current(): NodeCertificates {
    return this.#current;
  }

  onCommitted({ state }: { readonly state: ReadView }): void {
    const { id } = this.#node.key;
    const versions = `${serviceInfo.versionOf(state)} ${nodeVersion(state, id)}`;
    if (versions === this.#seen) return;
    this.#seen = versions;
    const before = this.#current;
    const service = this.#accepted('service', serviceInfo.get(state)?.cert, before.service);
    const endorsed = this.#accepted('node', nodeCertificates.get(state, id), before.endorsed);
    if (service === before.service && endorsed === before.endorsed) return;
    this.#current = { ...before, service, endorsed };
    this.#show(this.#current);
    this.#written = this.#written.then(() => this.#finish(endorsed));
  }

  rolledBack(): void {
    // What was shown was committed.
  }

  /** Resolves when the files are those of the certificates in use. */
  whenWritten(): Promise<void> {
    return this.#written;
  }

  /** The row's certificate where it is of the owner's key, otherwise the one in use. */
  #accepted(owner: 'node' | 'service', row: string | undefined, inUse: string): string {
    if (row === undefined || row === inUse) return inUse;
    const key = owner === 'node' ? this.#node.key : this.#service.key;
    const certificate = parsed(row);
    const isOwn =
      certificate !== undefined &&
      equalBytes(certificate.spki, key.spki) &&
      certificateIssuedBy(row, this.#service.certificatePem);
    if (!isOwn) {
      this.#log.write('error', 'certificate.refused', { owner });
      return inUse;
    }
    this.#log.write('info', 'certificate.renewed', {
      owner,
      validTo: new Date(certificate.notAfterMs).toISOString(),
    });
    return row;
  }

  /** The certificate by itself holds as long as the one by the service. */
  async #finish(endorsed: string): Promise<void> {
    const { notBeforeMs, notAfterMs, subject } = parseCertificate(endorsed);
    const selfSigned = await endorseSigningRequest({
      request: this.#node.signingRequestPem,
      issuer: { subject, key: this.#node.key },
      notBeforeMs,
      days: (notAfterMs + 1000 - notBeforeMs) / dayMs,
    });
    this.#current = { ...this.#current, selfSigned };
    try {
      await this.#write(this.#current);
    } catch (error) {
      // The old files are still true of the keys; the next renewal or start writes them again.
      if (!(error instanceof LedgerError)) throw error;
      this.#log.write('error', 'certificate.notWritten', { code: error.code });
    }
  }
}

function nodeVersion(state: ReadView, id: string): number | undefined {
  return state.map(nodeCertificates.name).versionOf(utf8Encode(id));
}

function parsed(pem: string): Certificate | undefined {
  try {
    return parseCertificate(pem);
  } catch (error) {
    if (error instanceof LedgerError) return undefined;
    throw error;
  }
}
