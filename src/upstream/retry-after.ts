/** How long a provider asks to be left alone, in all the ways that providers say it. Pure. */

/** Nobody is waited for longer than a day. */
const mostMs = 86_400_000;

const bounded = (ms: number): number | undefined => (Number.isFinite(ms) && ms >= 0 ? Math.min(Math.ceil(ms), mostMs) : undefined);

const unitsMs: Readonly<Record<string, number>> = { d: 86_400_000, h: 3_600_000, m: 60_000, s: 1_000, ms: 1 };

/** `6m0s`, `1.5s`, `20ms` (Go's durations). */
export function durationMs(text: string): number | undefined {
  const parts = [...text.matchAll(/(\d+(?:\.\d+)?)(ms|[dhms])/g)];
  if (parts.length === 0 || parts.map(([whole]) => whole).join("") !== text) return undefined;
  return bounded(parts.reduce((sum, [, amount, unit]) => sum + Number(amount) * unitsMs[unit!]!, 0));
}

/** A moment as RFC 3339 or an HTTP date, or as Unix milliseconds or seconds; fewer seconds than since 2001 are seconds from now. */
function untilMs(text: string, nowMs: number): number | undefined {
  const number = /^\d+(?:\.\d+)?$/.test(text) ? Number(text) : undefined;
  if (number !== undefined && number < 1e9) return bounded(number * 1_000);
  // `Date.parse` finds dates in much that is none; every form of them has a time.
  const at = number !== undefined ? number * (number > 1e11 ? 1 : 1_000) : /\d\d:\d\d/.test(text) ? Date.parse(text) : NaN;
  return Number.isNaN(at) ? undefined : bounded(Math.max(0, at - nowMs));
}

const secondsMs = (text: string): number | undefined => (/^\d+(?:\.\d+)?$/.test(text) ? bounded(Number(text) * 1_000) : undefined);

/** What says directly how long: the first that is there counts. */
const direct: readonly [string, (text: string, nowMs: number) => number | undefined][] = [
  ["retry-after-ms", (text) => (/^\d+(?:\.\d+)?$/.test(text) ? bounded(Number(text)) : undefined)],
  ["retry-after", (text, nowMs) => secondsMs(text) ?? durationMs(text) ?? untilMs(text, nowMs)],
];

/** Counters that are used up say when they are full again. OpenAI and Groq: durations; Anthropic: RFC 3339; OpenRouter: a Unix time. */
const counters: readonly [string, string][] = [
  ["x-ratelimit-remaining-requests", "x-ratelimit-reset-requests"], ["x-ratelimit-remaining-tokens", "x-ratelimit-reset-tokens"],
  ["anthropic-ratelimit-requests-remaining", "anthropic-ratelimit-requests-reset"], ["anthropic-ratelimit-tokens-remaining", "anthropic-ratelimit-tokens-reset"],
  ["anthropic-ratelimit-input-tokens-remaining", "anthropic-ratelimit-input-tokens-reset"], ["anthropic-ratelimit-output-tokens-remaining", "anthropic-ratelimit-output-tokens-reset"],
  ["x-ratelimit-remaining", "x-ratelimit-reset"],
];

/** Google's `RetryInfo` (`"retryDelay": "34.07s"`), and OpenAI's and Azure's sentences (`in 1m2.5s`, `after 26 seconds`). */
const inBody = /"retryDelay"\s*:\s*"(\d+(?:\.\d+)?s)"|[Pp]lease (?:try again|retry) (?:in|after) (\d+(?:\.\d+)?(?:ms|[smh]| seconds?)(?:\d+(?:\.\d+)?(?:ms|s|m))*)/;

/** Milliseconds after which a provider may be asked again; undefined: it does not say. `body`: the error's text. */
export function retryAfterMs(headers: Headers, body: string | undefined, nowMs: number): number | undefined {
  for (const [name, read] of direct) {
    const said = headers.get(name)?.trim();
    const ms = said && read(said, nowMs);
    if (typeof ms === "number") return ms;
  }
  const full = counters.flatMap(([remaining, reset]) => {
    const text = headers.get(remaining) === "0" ? headers.get(reset)?.trim() : undefined;
    return (text && (durationMs(text) ?? untilMs(text, nowMs))) || [];
  });
  if (full.length > 0) return Math.max(...full);
  const [, delay, sentence] = inBody.exec(body ?? "") ?? [];
  const said = delay ?? sentence;
  return said === undefined ? undefined : durationMs(said.replace(/ seconds?$/, "s"));
}
