/**
 * What one replica says to another: a Raft message with the bodies that it names, a request for
 * bodies, bodies that were asked for, that the other is no member any more, or who the nodes of the
 * service are. Layout and vector:
 * docs/formats/peer-message.md. The transport authenticates the sender; nothing here does.
 */
import type { RaftIndex, Seqno } from '@coco/base';
import {
  asRaftIndex,
  asSeqno,
  ByteReader,
  ByteWriter,
  fromHex,
  LedgerError,
  toHex,
  utf8Decode,
  utf8Encode,
} from '@coco/base';
import type { NodeId } from './configuration.ts';
import { consensusError } from './errors.ts';
import type { Handle } from './handle.ts';
import { decodeHandle, encodeHandle, handleBytes } from './handle.ts';
import type { ReplicaLimits } from './limits.ts';

/** A node of the service, as the ledger names it to others. */
export interface KnownNode {
  readonly id: NodeId;
  /** Hex of SHA-256 of its SubjectPublicKeyInfo. */
  readonly keyId: string;
  readonly host: string;
  readonly port: number;
}

/** Who the nodes of the service are, the sender's own among them or not, as of a committed seqno. */
export interface MembersMessage {
  readonly kind: 'members';
  readonly seqno: Seqno;
  readonly nodes: readonly KnownNode[];
}

export type PeerMessage =
  | { readonly kind: 'raft'; readonly message: Uint8Array; readonly bodies: readonly Uint8Array[] }
  | { readonly kind: 'fetch'; readonly handles: readonly Handle[] }
  | { readonly kind: 'bodies'; readonly bodies: readonly Uint8Array[] }
  /** The receiver is no member of the configuration that the sender has applied at this index. */
  | { readonly kind: 'removed'; readonly raftIndex: RaftIndex }
  | MembersMessage;

const raftCode = 1;
const fetchCode = 2;
const bodiesCode = 3;
const removedCode = 4;
const membersCode = 5;
/** A service has up to seven nodes, and as many on their way in and out. */
const membersMax = 64;
/** A name in DNS has up to 253. */
const hostBytesMax = 253;
const keyIdBytes = 32;
const portMax = 65_535;

export type PeerMessageLimits = Pick<
  ReplicaLimits,
  'bodyBytesMax' | 'messageEntriesMax' | 'messageBytesMax'
>;

/** The longest message that a replica sends: one Raft message and the bodies that go with it. */
export function peerMessageBytesMax(limits: ReplicaLimits): number {
  const bodyBytes = Math.max(limits.bodyBytesMax, limits.messageBodyBytesMax);
  // The kind, two lengths of a Raft message, and one length a body.
  return 1 + 4 + limits.messageBytesMax + 4 + 4 * limits.messageEntriesMax + bodyBytes;
}

export function encodePeerMessage(message: PeerMessage): Uint8Array {
  const writer = new ByteWriter();
  switch (message.kind) {
    case 'raft':
      writer.u8(raftCode).u32(message.message.length).raw(message.message);
      writeBodies(writer, message.bodies);
      break;
    case 'fetch':
      writer.u8(fetchCode).u32(message.handles.length);
      for (const handle of message.handles) writer.raw(encodeHandle(handle));
      break;
    case 'bodies':
      writer.u8(bodiesCode);
      writeBodies(writer, message.bodies);
      break;
    case 'removed':
      writer.u8(removedCode).u64(message.raftIndex);
      break;
    case 'members':
      writer.u8(membersCode).u64(message.seqno);
      writeNodes(writer, message.nodes);
      break;
  }
  return writer.done();
}

/** @throws InvalidPeerMessage when the bytes are not one message within the limits. */
export function parsePeerMessage(bytes: Uint8Array, limits: PeerMessageLimits): PeerMessage {
  try {
    const reader = new ByteReader(bytes);
    const message = readMessage(reader, limits);
    reader.end();
    return message;
  } catch (error) {
    if (error instanceof LedgerError && error.code === 'InvalidInput') {
      throw consensusError('InvalidPeerMessage', 'A peer message is cut or too long.', {}, error);
    }
    throw error;
  }
}

function readMessage(reader: ByteReader, limits: PeerMessageLimits): PeerMessage {
  const code = reader.u8();
  switch (code) {
    case raftCode: {
      const message = new Uint8Array(reader.raw(readCount(reader, limits.messageBytesMax)));
      return { kind: 'raft', message, bodies: readBodies(reader, limits) };
    }
    case fetchCode: {
      const handles: Handle[] = [];
      for (let left = readCount(reader, limits.messageEntriesMax); left > 0; left--) {
        handles.push(decodeHandle(reader.raw(handleBytes)));
      }
      return { kind: 'fetch', handles };
    }
    case bodiesCode:
      return { kind: 'bodies', bodies: readBodies(reader, limits) };
    case removedCode:
      return { kind: 'removed', raftIndex: asRaftIndex(readNumber(reader)) };
    case membersCode: {
      const seqno = asSeqno(readNumber(reader));
      return { kind: 'members', seqno, nodes: readNodes(reader) };
    }
    default:
      throw consensusError('InvalidPeerMessage', 'A peer message has an unknown kind.', { code });
  }
}

function writeBodies(writer: ByteWriter, bodies: readonly Uint8Array[]): void {
  writer.u32(bodies.length);
  for (const body of bodies) writer.u32(body.length).raw(body);
}

function readBodies(reader: ByteReader, limits: PeerMessageLimits): Uint8Array[] {
  const bodies: Uint8Array[] = [];
  for (let left = readCount(reader, limits.messageEntriesMax); left > 0; left--) {
    bodies.push(new Uint8Array(reader.raw(readCount(reader, limits.bodyBytesMax))));
  }
  return bodies;
}

function writeNodes(writer: ByteWriter, nodes: readonly KnownNode[]): void {
  writer.u32(nodes.length);
  for (const { id, keyId, host, port } of nodes) {
    const name = utf8Encode(host);
    writer.u64(id).raw(fromHex(keyId)).u32(port).u32(name.length).raw(name);
  }
}

function readNodes(reader: ByteReader): KnownNode[] {
  const nodes: KnownNode[] = [];
  for (let left = readCount(reader, membersMax); left > 0; left--) {
    const id = readNumber(reader);
    const keyId = toHex(reader.raw(keyIdBytes));
    const port = readCount(reader, portMax);
    const host = utf8Decode(new Uint8Array(reader.raw(readCount(reader, hostBytesMax))));
    nodes.push({ id, keyId, host, port });
  }
  return nodes;
}

function readNumber(reader: ByteReader): number {
  const number = reader.u64();
  if (Number.isSafeInteger(number) && number > 0) return number;
  throw consensusError('InvalidPeerMessage', 'A number is out of range.', { number });
}

function readCount(reader: ByteReader, max: number): number {
  const count = reader.u32();
  if (count > max) {
    throw consensusError('InvalidPeerMessage', 'A peer message exceeds a limit.', { count, max });
  }
  return count;
}
