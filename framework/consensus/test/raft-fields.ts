/** The scalar fields of a raftpb.Message, for checkers that look at what travels. */

export interface RaftFields {
  readonly type: number;
  readonly term: number;
  readonly index: number;
  readonly isReject: boolean;
}

const wireVarint = 0;
const wireBytes = 2;

/** Source: raftpb/raft.proto: type 1, term 4, index 6, reject 10. */
export function readRaftFields(message: Uint8Array): RaftFields {
  const scalars = new Map<number, number>();
  let at = 0;
  const varint = (): number => {
    let value = 0;
    for (let factor = 1; ; factor *= 128) {
      const byte = message[at++] ?? 0;
      value += (byte & 0x7f) * factor;
      if (byte < 0x80) return value;
    }
  };
  while (at < message.length) {
    const key = varint();
    const value = varint();
    if (key % 8 === wireVarint) scalars.set(key >> 3, value);
    else if (key % 8 === wireBytes) at += value;
  }
  const field = (number: number): number => scalars.get(number) ?? 0;
  return { type: field(1), term: field(4), index: field(6), isReject: field(10) === 1 };
}
