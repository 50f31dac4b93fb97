/**
 * A node's request to become part of a network: it asks a node that it was told of, is pointed to
 * the primary, and asks again until the network trusts it or refuses it. What it gets is checked
 * against the service certificate that its operator gave it.
 */

import { readdir } from 'node:fs/promises';
import { resolve } from 'node:path';
import { encodeJson, equalBytes, LedgerError, type Log } from '@coco/base';
import { certificateIssuedBy, parseCertificate, SigningKey } from '@coco/crypto';
import type { LedgerSecret } from '@coco/governance';
import {
  encodeJoinRequest,
  type JoinAnswer,
  type JoinedNetwork,
  parseJoinAnswer,
} from '@coco/governance';
import { askToJoin, type JoinReply } from './ask-to-join.ts';
import type { JoinConfiguration } from './command-configuration.ts';
import { readConfiguredText } from './configured-files.ts';
import { nodeError } from './errors.ts';
import type { NodeIdentity, ServiceIdentity } from './identities.ts';
import type { NodeBeginning } from './node-beginning.ts';
import type { NodeSurroundings } from './service-runtime.ts';

/** From a node to another, that one, and the primary: more is a circle. */
const redirectsMax = 3;

/** What a node holds that the network trusts. */
export interface TrustedJoin {
  readonly node: NodeIdentity;
  readonly service: ServiceIdentity;
  readonly network: JoinedNetwork;
  /** Oldest first. */
  readonly ledgerSecrets: readonly LedgerSecret[];
}

export class JoinAttempt {
  readonly #surroundings: NodeSurroundings;
  readonly #join: JoinConfiguration;
  readonly #beginning: NodeBeginning;
  readonly #stopped = Promise.withResolvers<undefined>();
  readonly #abort = new AbortController();
  /** What was logged last: attempts that fail alike are one line. */
  #logged = '';

  constructor(surroundings: NodeSurroundings, join: JoinConfiguration, beginning: NodeBeginning) {
    this.#surroundings = surroundings;
    this.#join = join;
    this.#beginning = beginning;
  }

  get isStopped(): boolean {
    return this.#abort.signal.aborted;
  }

  /** The node is to end: nothing is asked any more. */
  stop(): void {
    this.#abort.abort();
    this.#stopped.resolve(undefined);
  }

  /** Whether `done` came before the node was stopped. */
  async orStopped(done: Promise<void>): Promise<boolean> {
    await Promise.race([done, this.#stopped.promise]);
    return !this.isStopped;
  }

  /**
   * Undefined when the node was stopped meanwhile.
   * @throws InvalidConfiguration, JoinRefused, JoinAnswerInvalid, DecryptionFailed
   */
  async untilTrusted(): Promise<TrustedJoin | undefined> {
    const { configuration, baseFolder, clock } = this.#surroundings;
    await assertNoLedger(resolve(baseFolder, configuration.ledgerDirectory));
    const servicePem = await readConfiguredText(baseFolder, configuration.serviceCertificateFile);
    const body = encodeJson(encodeJoinRequest(this.#beginning.description));
    while (!this.isStopped) {
      const answer = await this.#ask(body, servicePem);
      if (answer?.status === 'Trusted') return checkTrust(answer, this.#beginning, servicePem);
      const waited = Promise.withResolvers<void>();
      const cancel = clock.setTimer(this.#join.retryMs, waited.resolve);
      await this.orStopped(waited.promise);
      cancel();
    }
    return undefined;
  }

  /** Asks once, where it is sent to. Undefined: it is worth asking again. @throws JoinRefused */
  async #ask(body: Uint8Array, servicePem: string): Promise<JoinAnswer | undefined> {
    let address = this.#join.targetAddress;
    for (let hop = 0; hop <= redirectsMax; hop++) {
      const reply = await askToJoin({
        address,
        body,
        servicePem,
        keys: this.#beginning.keys,
        clock: this.#surroundings.clock,
        signal: this.#abort.signal,
      });
      if (this.isStopped) return undefined;
      if (reply.kind !== 'redirect') return this.#read(address, reply);
      if (!this.#join.followsRedirect) {
        const message = `The primary is at ${reply.address}, and follow_redirect is false.`;
        throw nodeError('JoinRefused', message);
      }
      address = reply.address;
    }
    this.#tell('warning', 'join.unreachable', { address, reason: 'Nodes point to each other.' });
    return undefined;
  }

  #read(address: string, reply: Exclude<JoinReply, { kind: 'redirect' }>): JoinAnswer | undefined {
    switch (reply.kind) {
      case 'refused': {
        const { code, message } = reply;
        throw nodeError('JoinRefused', `The network refuses this node: ${message}`, { code });
      }
      case 'unreachable':
        this.#tell('warning', 'join.unreachable', { address, reason: reply.reason });
        return undefined;
      case 'answer': {
        const answer = this.#parse(reply.body);
        const { nodeId, status } = answer;
        this.#tell('info', `join.${status === 'Trusted' ? 'trusted' : 'pending'}`, {
          address,
          node: nodeId,
        });
        return answer;
      }
    }
  }

  #parse(body: Uint8Array): JoinAnswer {
    const { encryptionKey, key } = this.#beginning.keys;
    try {
      const answer = parseJoinAnswer(body, encryptionKey);
      if (answer.nodeId === key.id) return answer;
    } catch (cause) {
      if (!(cause instanceof LedgerError)) throw cause;
      throw nodeError('JoinAnswerInvalid', 'The answer to the request does not parse.', {}, cause);
    }
    throw nodeError('JoinAnswerInvalid', 'The answer to the request is for another node.');
  }

  #tell(level: Parameters<Log['write']>[0], event: string, fields: Record<string, string>): void {
    const text = `${event} ${Object.values(fields).join(' ')}`;
    if (text === this.#logged) return;
    this.#logged = text;
    this.#surroundings.log.write(level, event, fields);
  }
}

/** A node that joins begins without a ledger: what it is to hold comes from the network. */
async function assertNoLedger(folder: string): Promise<void> {
  const names = await readdir(folder).catch(() => []);
  if (!names.some((name) => name.startsWith('ledger_'))) return;
  const message = `A node joins with an empty ledger directory; there are files in ${folder}.`;
  throw nodeError('InvalidConfiguration', message);
}

/** @throws JoinAnswerInvalid, InvalidKey, InvalidCertificate */
function checkTrust(
  answer: Extract<JoinAnswer, { status: 'Trusted' }>,
  { keys }: NodeBeginning,
  servicePem: string,
): TrustedJoin {
  const { network, secrets } = answer;
  const { serviceCertificatePem: certificatePem, endorsedCertificatePem: endorsedPem } = network;
  const certificate = parseCertificate(certificatePem);
  const key = SigningKey.fromPem(secrets.serviceKeyPem);
  // The identity is the key: the operator's file may be from before a renewal.
  const isService =
    equalBytes(certificate.spki, parseCertificate(servicePem).spki) &&
    equalBytes(certificate.spki, key.spki);
  const isEndorsed =
    equalBytes(parseCertificate(endorsedPem).spki, keys.key.spki) &&
    certificateIssuedBy(endorsedPem, certificatePem);
  if (!isService || !isEndorsed || secrets.ledgerSecrets.length === 0) {
    const message = 'The answer to the request is not of the service that the operator named.';
    throw nodeError('JoinAnswerInvalid', message, { isService, isEndorsed });
  }
  const { subject } = certificate;
  return {
    node: { ...keys, endorsedPem },
    service: { key, subject, certificatePem },
    network,
    ledgerSecrets: secrets.ledgerSecrets,
  };
}
