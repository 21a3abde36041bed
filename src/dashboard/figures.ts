/** Numbers as people read them. Always the same, whatever the language of the machine. */
const counts = new Intl.NumberFormat("en-US");

export const count = (value: number): string => counts.format(value);

/** US dollars: cents, and as many digits more as a small amount needs to be something. */
export function money(usd: number): string {
  const digits = usd !== 0 && Math.abs(usd) < 0.1 ? Math.min(9, 1 - Math.floor(Math.log10(Math.abs(usd)))) : 2;
  return `$${usd.toLocaleString("en-US", { minimumFractionDigits: 2, maximumFractionDigits: Math.max(2, digits) })}`;
}
