/**
 * Counts on a logarithmic scale: what is kept of many measurements. Adding two of them up, number by number, gives that of both.
 * A quantile read from it is at most 14 % off the measurement at that rank (`ratio` ** ½), within the scale's 12 doublings.
 */
export type Histogram = number[];

export const bucketCount = 32;
const perDoubling = 8 / 3;
/** Between the bounds of one bucket. */
export const ratio = 2 ** (1 / perDoubling);

/** Where the first bucket begins. What lies below counts as the first bucket, what lies above the last one as the last. */
export const scales = {
  /** 16 ms to 65 s. */
  firstByteMs: 16,
  /** 1 to 4,096. */
  tokensPerSecond: 1,
} as const;

const zeros: Histogram = Array.from({ length: bucketCount }, () => 0);

export const emptyHistogram = (): Histogram => zeros.slice();

/** Counts one measurement; what is no positive number counts nothing. */
export function count(histogram: Histogram, value: number, least: number): void {
  if (!(value > 0)) return;
  const bucket = Math.floor(Math.log2(value / least) * perDoubling);
  histogram[Math.min(Math.max(bucket, 0), bucketCount - 1)]! += 1;
}

export function add(histogram: Histogram, more: readonly number[]): void {
  for (let i = 0; i < bucketCount; i += 1) histogram[i]! += more[i] ?? 0;
}

export function sizeOf(histogram: readonly number[]): number {
  let size = 0;
  for (const one of histogram) size += one;
  return size;
}

/** The middle (geometric) of the bucket that holds the measurement at this rank; undefined below `fewest` measurements. */
export function quantile(histogram: readonly number[], share: number, least: number, fewest = 1): number | undefined {
  const size = sizeOf(histogram);
  // What was decayed and added up is no longer whole.
  const slack = 1e-6;
  if (size < fewest - slack || size <= 0) return undefined;
  let rank = share * size - slack;
  let bucket = 0;
  while (bucket < bucketCount - 1 && (rank -= histogram[bucket]!) > 0) bucket += 1;
  return least * 2 ** ((bucket + 0.5) / perDoubling);
}
