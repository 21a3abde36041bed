/** What an alert says: to people in sentences, to a server in JSON. Pure. */
import type { Mail } from "../mail.ts";

/** A share of a budget is spent. `spent` and `limit`: nano-USD or tokens. `untilMs` null: it never begins anew. `id`: the same for every try to tell it. */
export type Alert = {
  id: string; atMs: number; budget: string; name: string; unit: "nanoUsd" | "tokens"; share: number; spent: number; limit: number; fromMs: number | null; untilMs: number | null;
};

const numbers = new Intl.NumberFormat("en-US");
/** Dollars and cents, rounded down: what is said to be spent is. */
const dollars = (nanoUsd: number): string => `$${(Math.floor(nanoUsd / 1e7) / 100).toLocaleString("en-US", { minimumFractionDigits: 2 })}`;
const said = { nanoUsd: dollars, tokens: (tokens: number) => `${numbers.format(tokens)} tokens` } as const;
const iso = (ms: number | null): string | null => (ms === null ? null : new Date(ms).toISOString());

const headline = ({ share, name }: Alert): string => (share >= 1 ? `The ${name} is used up` : `${Math.round(share * 1000) / 10} % of the ${name} is spent`);

/** The e-mail to one address. */
export function alertMail(alert: Alert, organisation: string, to: string): Mail {
  const { unit, spent, limit, share, untilMs } = alert;
  const first = `${headline(alert)}.`;
  const figures = `${said[unit](spent)} of ${said[unit](limit)} ${unit === "tokens" ? "were used" : "was spent"} by ${organisation} as of ${iso(alert.atMs)!.slice(0, 16).replace("T", " ")} UTC.`;
  const then = share >= 1
    ? `Requests that need more than is left are refused${untilMs === null ? "." : ` until it begins anew on ${iso(untilMs)!.slice(0, 10)}.`}`
    : untilMs === null ? "It does not begin anew." : `It begins anew on ${iso(untilMs)!.slice(0, 10)}.`;
  const last = "Who is told, and at which shares, is set in the dashboard under Settings, Budgets.";
  return { to, subject: `${headline(alert)} (${organisation})`, text: [first, figures, then, last].join("\n\n"), html: [first, figures, then, last].map((line) => `<p>${escaped(line)}</p>`).join("") };
}

const escaped = (text: string): string => text.replace(/[&<>"']/g, (sign) => `&#${sign.charCodeAt(0)};`);

/** The body of the call. */
export const alertBody = (organisationId: string, { id, atMs, budget, name, unit, share, spent, limit, fromMs, untilMs }: Alert): string => JSON.stringify({
  id, type: "budget.alert", created_at: iso(atMs), organisation: organisationId,
  data: { budget, name, unit: unit === "nanoUsd" ? "nano_usd" : "tokens", share, spent, limit, period_start: iso(fromMs), period_end: iso(untilMs) },
});

/** One that says nothing, to be tried out with. */
export const trialBody = (organisationId: string, id: string, atMs: number): string => JSON.stringify({ id, type: "alert.test", created_at: iso(atMs), organisation: organisationId, data: {} });
