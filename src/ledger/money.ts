/** Money in words. */

/** Nano-USD as decimal USD, exact to the nano: 530 → `0.00000053`. */
export function usdOf(nano: number): string {
  const digits = String(nano).padStart(10, "0");
  return `${digits.slice(0, -9)}.${digits.slice(-9)}`.replace(/\.?0+$/, "");
}
