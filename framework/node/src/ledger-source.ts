/**
 * Another node as a source to catch up from: its ledger and snapshot endpoints, called over the
 * keys that the ledger has. What it answers is bounded here and verified by who reads it.
 */

import { emptyBytes, refuse, type Seqno } from '@coco/base';
import type { Request, Response } from '@coco/endpoint';
import type { NodeCaller } from '@coco/http';
import {
  type CommittedBody,
  decodeBatches,
  type LedgerFolder,
  readFolderBatches,
} from '@coco/ledger';
import { type CatchUpSource, replicationError, type SnapshotPart } from '@coco/replication';

/** A part of a snapshot, or 4 MiB of batches, over a slow line. */
const withinMs = 30_000;
/** One batch alone may reach the replica's 16 MiB; a snapshot comes in parts of 8 MiB. */
const answerBytesMax = 20 * 1024 * 1024;
/** Read of a folder at once. */
const folderBytesMax = 4 * 1024 * 1024;

export class LedgerSource implements CatchUpSource {
  readonly name: string;
  readonly #caller: Pick<NodeCaller, 'call'>;

  /** `nodeId` as the ledger has it. */
  constructor(nodeId: string, caller: Pick<NodeCaller, 'call'>) {
    this.name = nodeId;
    this.#caller = caller;
  }

  /** @throws SourceUnavailable, InvalidInput, NodeUnreachable, NodeAnswerLost, NodeCallsFull */
  async readSnapshotPart(name: string, from: number): Promise<SnapshotPart> {
    const range = { range: `bytes=${from}-` };
    const { headers, body } = await this.#get(`/node/snapshot/${name}`, { headers: range });
    const match = /^bytes (\d{1,15})-(\d{1,15})\/(\d{1,15})$/.exec(headers['content-range'] ?? '');
    const [begin, end, size] = [Number(match?.[1]), Number(match?.[2]), Number(match?.[3])];
    if (begin === from && end - from === body.length) return { bytes: body, size };
    throw refuse('InvalidInput', 'The answer is not the part of a snapshot that was asked for.');
  }

  /** @throws SourceUnavailable, InvalidInput, NodeUnreachable, NodeAnswerLost, NodeCallsFull */
  async readBatches(from: Seqno, to: Seqno): Promise<readonly CommittedBody[]> {
    const query = { from: String(from), to: String(to) };
    const { body } = await this.#get('/node/ledger/batches', { query });
    return decodeBatches(body);
  }

  async #get(
    path: string,
    parts: {
      readonly query?: Readonly<Record<string, string>>;
      readonly headers?: Readonly<Record<string, string>>;
    },
  ): Promise<Response> {
    const request: Request = {
      method: 'GET',
      path,
      query: new Map(Object.entries(parts.query ?? {})),
      headers: new Map(Object.entries(parts.headers ?? {})),
      body: emptyBytes,
      clientCertificate: undefined,
    };
    const response = await this.#caller.call(this.name, request, { withinMs, answerBytesMax });
    const { status } = response;
    if (status === 200 || status === 206) return response;
    const message = `Node ${this.name} answers ${status} to ${path}.`;
    throw replicationError('SourceUnavailable', message, { status });
  }
}

/** A read-only copy of the ledger on this machine, asked before any other node is. */
export class FolderSource implements CatchUpSource {
  readonly name: string;
  readonly #at: LedgerFolder;

  constructor(at: LedgerFolder, name: string) {
    this.name = name;
    this.#at = at;
  }

  /** @throws SourceUnavailable */
  readSnapshotPart(name: string): Promise<SnapshotPart> {
    const message = `There is no snapshot ${name} among read-only ledger files.`;
    return Promise.reject(replicationError('SourceUnavailable', message));
  }

  /** @throws EntryNotFound, InvalidInput, LedgerDamaged, DiskFault */
  readBatches(from: Seqno, to: Seqno): Promise<readonly CommittedBody[]> {
    return readFolderBatches(this.#at, from, { to, bytesMax: folderBytesMax });
  }
}
