/** Vectors: lists of numbers, or their bytes as float32 in base64, the least significant byte first. */

export const toBase64 = (vector: readonly number[]): string => {
  const bytes = new DataView(new ArrayBuffer(vector.length * 4));
  for (let i = 0; i < vector.length; i += 1) bytes.setFloat32(i * 4, vector[i]!, true);
  return new Uint8Array(bytes.buffer).toBase64();
};

/** The bytes of a vector in base64; undefined where it is none. */
export function bytesOf(text: string): Uint8Array | undefined {
  try {
    const bytes = Uint8Array.fromBase64(text);
    return bytes.length > 0 && bytes.length % 4 === 0 ? bytes : undefined;
  } catch {
    return undefined;
  }
}

/** Its numbers. */
export function numbersOf({ buffer, byteOffset, length }: Uint8Array): number[] {
  const view = new DataView(buffer, byteOffset, length);
  return Array.from({ length: length / 4 }, (_, i) => view.getFloat32(i * 4, true));
}

/** How near two vectors are to each other, -1 to 1; 0 where one of them says nothing. */
export function cosine(one: readonly number[], other: readonly number[]): number {
  let [dot, ones, others] = [0, 0, 0];
  for (let i = 0; i < one.length; i += 1) {
    dot += one[i]! * other[i]!;
    ones += one[i]! ** 2;
    others += other[i]! ** 2;
  }
  const cos = dot / Math.sqrt(ones * others);
  return Number.isFinite(cos) ? Math.max(-1, Math.min(1, cos)) : 0;
}
