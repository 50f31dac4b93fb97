/**
 * A request that is signed elsewhere: on one machine it is prepared, on another, which may be
 * offline, a key signs it, and with the signature it is finished and submitted. The document holds
 * all that is submitted; its address is derived from what is signed, not written down.
 */
import { createHash } from 'node:crypto';
import {
  emptyBytes,
  encodeJson,
  fromBase64,
  isJsonObject,
  type JsonValue,
  LedgerError,
  parseJson,
  toBase64,
} from '@coco/base';
import { type Certificate, parseCertificate } from '@coco/crypto';
import { type GovernanceMessageType, parseGovernanceMessage } from '@coco/endpoint';
import {
  finishGovernanceRequest,
  type PreparedRequest,
  prepareGovernanceRequest,
} from '@coco/governance';
import { memberError } from './errors.ts';
import { readSignature, signatureHash } from './signature-form.ts';

const format = 'coco-signing-request-1';
/** Twice a signed request's limit, for base64 and JSON. */
const documentBytesMax = 16 * 1024 * 1024;
const messageTypes: readonly string[] = [
  'ack',
  'ballot',
  'proposal',
  'recovery_share',
  'state_digest',
  'withdrawal',
] satisfies readonly GovernanceMessageType[];

/** What a member asks of the service, before it is signed. */
export interface MemberRequest {
  readonly type: GovernanceMessageType;
  readonly payload: Uint8Array;
  /** For ballots and withdrawals. */
  readonly proposalId?: string;
  /** What it does, for the person who signs. */
  readonly summary: string;
}

/** A request whose bytes stand, by a certificate, and wait for a signature. */
export interface SigningRequest {
  readonly request: MemberRequest;
  readonly certificate: Certificate;
  readonly prepared: PreparedRequest;
}

/** A request as it is sent. */
export interface SignedRequest {
  readonly type: GovernanceMessageType;
  /** Without the query. */
  readonly path: string;
  /** COSE_Sign1. */
  readonly body: Uint8Array;
}

/** @throws SigningRequestInvalid for a proposal's id that is none; InvalidKey */
export function prepareRequest(
  request: MemberRequest,
  by: { readonly certificate: Certificate; readonly createdAtSeconds: number },
): SigningRequest {
  const { type, payload, proposalId } = request;
  const needsProposal = type === 'ballot' || type === 'withdrawal';
  if (needsProposal && !isId(proposalId)) {
    const message = `"${proposalId}" is not a proposal's id, which has 64 hex digits.`;
    throw memberError('SigningRequestInvalid', message);
  }
  const prepared = prepareGovernanceRequest({
    certificatePem: by.certificate.pem,
    type,
    payload,
    createdAt: by.createdAtSeconds,
    ...(proposalId !== undefined && { proposalId }),
  });
  return { request, certificate: by.certificate, prepared };
}

/** @throws SignerFailed when the signature is not by the certificate's key over these bytes */
export function finishRequest(waiting: SigningRequest, signature: Uint8Array): SignedRequest {
  const { request, certificate, prepared } = waiting;
  const input = prepared.toBeSigned;
  const body = finishGovernanceRequest(prepared, readSignature(signature, { certificate, input }));
  return { type: request.type, path: pathOf(request, certificate.id), body };
}

function isId(text: string | undefined): boolean {
  return text !== undefined && /^[0-9a-f]{64}$/.test(text);
}

function pathOf({ type, proposalId }: MemberRequest, memberId: string): string {
  const proposals = '/gov/members/proposals';
  switch (type) {
    case 'proposal':
      return `${proposals}:create`;
    case 'withdrawal':
      return `${proposals}/${proposalId}:withdraw`;
    case 'ballot':
      return `${proposals}/${proposalId}/ballots/${memberId}:submit`;
    case 'state_digest':
      return `/gov/members/state-digests/${memberId}:update`;
    case 'ack':
      return `/gov/members/state-digests/${memberId}:ack`;
    case 'recovery_share':
      return `/gov/recovery/members/${memberId}:recover`;
  }
}

/** The document for the key's owner; docs/governance/cli.md describes its fields. */
export function encodeSigningRequest(waiting: SigningRequest): Uint8Array {
  const { request, certificate, prepared } = waiting;
  const hash = signatureHash(certificate);
  const digest = createHash(hash).update(prepared.toBeSigned).digest();
  return encodeJson({
    format,
    summary: request.summary,
    type: request.type,
    memberId: certificate.id,
    certificate: certificate.pem,
    hash,
    protected: toBase64(prepared.protectedBytes),
    payload: toBase64(prepared.payload),
    toBeSigned: toBase64(prepared.toBeSigned),
    digest: toBase64(digest),
  });
}

/**
 * Reads a document back. Only what is signed decides what it is: the rest must agree with it.
 * @throws SigningRequestInvalid
 */
export function parseSigningRequest(bytes: Uint8Array): SigningRequest {
  try {
    return readDocument(parseJson(bytes, { bytesMax: documentBytesMax, depthMax: 4 }));
  } catch (cause) {
    if (!(cause instanceof LedgerError) || cause.code === 'SigningRequestInvalid') throw cause;
    throw invalid('It is damaged.', cause);
  }
}

function readDocument(document: JsonValue): SigningRequest {
  const fields = isJsonObject(document) ? document : {};
  const text = (name: string): string => {
    const value = fields[name];
    if (typeof value !== 'string') throw invalid(`It lacks "${name}".`);
    return value;
  };
  if (text('format') !== format) throw invalid(`Its format is not ${format}.`);
  const certificate = parseCertificate(text('certificate'));
  const protectedBytes = fromBase64(text('protected'));
  const payload = fromBase64(text('payload'));
  const unsigned = { protectedBytes, payload, toBeSigned: emptyBytes };
  const { header } = parseGovernanceMessage(finishGovernanceRequest(unsigned, new Uint8Array(64)));
  if (header.keyId !== certificate.id) throw invalid('It is for another certificate.');
  const type = text('type');
  if (!isMessageType(type) || header.type !== type) throw invalid('It is of another type.');
  const { proposalId } = header;
  const request: MemberRequest = {
    type,
    payload,
    summary: text('summary'),
    ...(proposalId !== undefined && { proposalId }),
  };
  const waiting = prepareRequest(request, { certificate, createdAtSeconds: header.createdAt });
  const isSame = toBase64(waiting.prepared.toBeSigned) === text('toBeSigned');
  if (!isSame) throw invalid('Its parts do not belong together.');
  return waiting;
}

function isMessageType(type: string): type is GovernanceMessageType {
  return messageTypes.includes(type);
}

function invalid(sentence: string, cause?: unknown): LedgerError {
  const message = `The prepared request cannot be used. ${sentence}`;
  return memberError('SigningRequestInvalid', message, {}, cause);
}
