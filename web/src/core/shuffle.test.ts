import { describe, expect, it } from 'vitest';
import { decodeValues, type ValueName, type Values } from './shuffle';

/** The server's way: all first bytes, then all second bytes, ... */
function shuffle(values: Values): Uint8Array {
  const bytes = new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
  const size = values.BYTES_PER_ELEMENT;
  const out = new Uint8Array(bytes.length);
  let at = 0;
  for (let b = 0; b < size; b++) for (let n = b; n < bytes.length; n += size) out[at++] = bytes[n]!;
  return out;
}

describe('decodeValues', () => {
  it.each([
    ['int16', Int16Array.of(-1024, 0, 1, 32767, -32768, 258)],
    ['uint16', Uint16Array.of(0, 65535, 258, 4095)],
    ['float32', Float32Array.of(0, -1.5, 3.25e7, 1e-20, Number.POSITIVE_INFINITY)],
  ] as [ValueName, Values][])('gives back shuffled %s', (type, values) => {
    expect(decodeValues(shuffle(values), type, values.BYTES_PER_ELEMENT)).toEqual(values);
  });

  it('is the layout of the contract, byte for byte', () => {
    // 0x0201 and 0x0403, little endian, first bytes first.
    const bytes = Uint8Array.of(0x01, 0x03, 0x02, 0x04);
    expect([...decodeValues(bytes, 'uint16', 2)]).toEqual([0x0201, 0x0403]);
  });

  it('takes unshuffled bytes as they are', () => {
    expect([...decodeValues(Uint8Array.of(1, 2, 3), 'uint8', 0)]).toEqual([1, 2, 3]);
  });

  it('reads from the middle of a buffer', () => {
    const whole = Uint8Array.of(9, 9, 9, 1, 0, 0, 1);
    expect([...decodeValues(whole.subarray(3), 'uint16', 2)]).toEqual([1, 256]);
  });

  it('refuses a message that was cut off', () => {
    expect(() => decodeValues(Uint8Array.of(1, 2, 3), 'int16', 2)).toThrow(RangeError);
  });
});
