/** Money in words. */

/** Nano-USD as decimal USD, exact to the nano: 530 → `0.00000053`. Below nothing where more was corrected than charged. */
export function usdOf(nano: number): string {
  if (nano < 0) return `-${usdOf(-nano)}`;
  const digits = String(nano).padStart(10, "0");
  return `${digits.slice(0, -9)}.${digits.slice(-9)}`.replace(/\.?0+$/, "");
}
