/** Money in words. */

function decimal(amount: number, places: number): string {
  if (amount < 0) return `-${decimal(-amount, places)}`;
  const digits = String(amount).padStart(places + 1, "0");
  return `${digits.slice(0, -places)}.${digits.slice(-places)}`.replace(/\.?0+$/, "");
}

/** Nano-USD as decimal USD, exact to the nano: 530 → `0.00000053`. Below nothing where more was corrected than charged. */
export const usdOf = (nano: number): string => decimal(nano, 9);

/** A price in pico-USD as decimal USD, exact: 2,500,000 → `0.0000025`. */
export const usdOfPico = (pico: number): string => decimal(pico, 12);
