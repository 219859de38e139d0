/** Undoing the server's byte shuffle: all first bytes, then all second bytes, and so on. */
export type ValueName = 'uint8' | 'int16' | 'uint16' | 'float32';
export type Values = Uint8Array | Int16Array | Uint16Array | Float32Array;

const CONSTRUCTORS = {
  uint8: Uint8Array,
  int16: Int16Array,
  uint16: Uint16Array,
  float32: Float32Array,
} as const;

export function newValues(type: ValueName, length: number): Values {
  return new CONSTRUCTORS[type](length);
}

export function itemSize(type: ValueName): number {
  return CONSTRUCTORS[type].BYTES_PER_ELEMENT;
}

/** The values of a little-endian message; `shuffle` is its item size, 0 or 1 where unshuffled. */
export function decodeValues(bytes: Uint8Array, type: ValueName, shuffle: number): Values {
  const size = itemSize(type);
  if (bytes.length % size !== 0) {
    throw new RangeError(`${bytes.length} bytes are no whole number of ${type} values`);
  }
  const plain = shuffle > 1 ? unshuffle(bytes, shuffle) : bytes.slice();
  return new CONSTRUCTORS[type](plain.buffer, 0, plain.length / size);
}

/** Bytes in their natural order; the result owns its buffer. */
export function unshuffle(bytes: Uint8Array, size: number): Uint8Array<ArrayBuffer> {
  const count = bytes.length / size;
  if (!Number.isInteger(count)) {
    throw new RangeError(`${bytes.length} bytes are no whole number of ${size}-byte items`);
  }
  const out = new Uint8Array(bytes.length);
  if (size === 2) {
    const pairs = new Uint16Array(out.buffer);
    for (let n = 0; n < count; n++) pairs[n] = bytes[n]! | (bytes[count + n]! << 8);
    return out;
  }
  for (let b = 0; b < size; b++) {
    const plane = b * count;
    for (let n = 0, at = b; n < count; n++, at += size) out[at] = bytes[plane + n]!;
  }
  return out;
}
