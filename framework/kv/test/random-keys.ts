/** Families of keys that press on different parts of the index. */
export interface KeyFamily {
  readonly name: string;
  /** The key of a number; one number, one key. */
  readonly keyOf: (number: number) => Uint8Array;
  /** How many keys a test takes. */
  readonly count: number;
}

function scattered(number: number): number {
  return Math.imul(number + 1, 0x9e37_79b1) >>> 0;
}

export const keyFamilies: readonly KeyFamily[] = [
  {
    name: 'scattered, with a long common prefix',
    count: 3000,
    keyOf: (number) => {
      const key = new Uint8Array(52);
      new DataView(key.buffer).setUint32(20, scattered(number));
      return key;
    },
  },
  {
    name: 'ascending u32',
    count: 3000,
    keyOf: (number) => {
      const key = new Uint8Array(4);
      new DataView(key.buffer).setUint32(0, number);
      return key;
    },
  },
  {
    name: 'decimal text of different lengths',
    count: 3000,
    keyOf: (number) => Uint8Array.from(String(number), (digit) => digit.charCodeAt(0)),
  },
  {
    name: 'zeros of different lengths, each a prefix of the next',
    count: 500,
    keyOf: (number) => new Uint8Array(number),
  },
  {
    name: 'equal up to a late byte, with zeros around it',
    count: 3000,
    keyOf: (number) => {
      const key = new Uint8Array(8 + (number % 5));
      key[7] = number >>> 8;
      key[8] = number;
      return key.length === 8 ? Uint8Array.of(1, number >>> 8, number) : key;
    },
  },
];
