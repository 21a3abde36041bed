/** Numbers as people read them. Always the same, whatever the language of the machine. */
import { usdOf } from "../ledger/index.ts";

const counts = new Intl.NumberFormat("en-US");
const short = new Intl.NumberFormat("en-US", { notation: "compact", maximumFractionDigits: 1 });
const shares = new Intl.NumberFormat("en-US", { style: "percent", maximumFractionDigits: 1 });

export const count = (value: number): string => counts.format(value);

/** `12.4K`: where there is little room. */
export const compact = (value: number): string => short.format(value);

/** A part of a whole, 0 to 1. */
export const percent = (share: number): string => shares.format(share);

/** US dollars: cents, and as many digits more as a small amount needs to be something. */
export function money(usd: number): string {
  const digits = usd !== 0 && Math.abs(usd) < 0.1 ? Math.min(9, 1 - Math.floor(Math.log10(Math.abs(usd)))) : 2;
  return `${usd < 0 ? "−" : ""}$${Math.abs(usd).toLocaleString("en-US", { minimumFractionDigits: 2, maximumFractionDigits: Math.max(2, digits) })}`;
}

/** Nano-USD as money, to the last digit that there is. */
export const exactly = (nanoUsd: number): string => `${nanoUsd < 0 ? "−" : ""}$${usdOf(Math.abs(nanoUsd))}`;

const units = [["day", 86_400_000], ["hour", 3_600_000], ["minute", 60_000]] as const;
const ago = new Intl.RelativeTimeFormat("en-US", { numeric: "auto" });

/** A moment as somebody says it: `3 hours ago`, `in 2 days`. */
export function relative(ms: number, nowMs: number): string {
  const [unit, span] = units.find(([, span]) => Math.abs(ms - nowMs) >= span) ?? ["second", 1_000];
  return ago.format(Math.trunc((ms - nowMs) / span), unit);
}

/** A moment to the second, UTC. */
export const moment = (ms: number): string => `${new Date(ms).toISOString().slice(0, 19).replace("T", " ")} UTC`;

/** A length of time in the unit that suits it. */
export const duration = (ms: number): string => (ms < 1_000 ? `${count(Math.round(ms))} ms` : `${(ms / 1_000).toLocaleString("en-US", { maximumFractionDigits: ms < 100_000 ? 2 : 0 })} s`);

const days = new Intl.DateTimeFormat("en-GB", { day: "numeric", month: "short", timeZone: "UTC" });
const years = new Intl.DateTimeFormat("en-GB", { day: "numeric", month: "short", year: "numeric", timeZone: "UTC" });

/** `21 Nov`, and with its year. UTC. */
export const day = (ms: number): string => days.format(ms);
export const dayOfYear = (ms: number): string => years.format(ms);

/** A number of bytes in the unit that suits it. */
export function size(bytes: number): string {
  const step = Math.min(3, Math.floor(Math.log2(Math.max(1, bytes)) / 10));
  return `${(bytes / 1024 ** step).toLocaleString("en-US", { maximumFractionDigits: step === 0 ? 0 : 1 })} ${["bytes", "KB", "MB", "GB"][step]}`;
}
