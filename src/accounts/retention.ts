/** For how many days an organisation has what is kept of it: words without a store, as a row has them and as they are set. */
import * as z from "zod";

const day = 86_400_000;
/** Longest and shortest times, in days. What finished requests say is needed by batches, whose lines are settled by it for more than a day. */
const between = (least: number, most: number) => z.number().int().min(least).max(most).nullable().default(null);

/** `null`: as the gateway has it. Of two times, the organisation's and a request's or the gateway's own, the shorter one holds. */
export const retentionSchema = z.strictObject({
  /** Figures of finished requests. */
  requestDays: between(3, 30),
  /** Responses and conversations, and chat completions, from the last time on that something was added. 0: none is stored. */
  responseDays: between(0, 3_650),
  chatDays: between(0, 3_650),
  /** Files that are uploaded. A batch may take a day to read one. */
  fileDays: between(2, 3_650),
  /** What the gateway makes: outputs of batches, films. */
  outputDays: between(1, 30),
  /** What was asked and answered; 0: not at all, which is usual. */
  bodyDays: z.number().int().min(0).max(30).default(0),
});
export type Retention = z.output<typeof retentionSchema>;
/** What a row says: only what is set. Bodies have a column of their own. */
export type Keeps = Partial<Record<Exclude<keyof Retention, "bodyDays">, number>>;

const keepsSchema = z.record(z.string(), z.number());

/** What an organisation has set, from its row. */
export const keepsOf = (json: string): Keeps => keepsSchema.parse(JSON.parse(json));

/** `livesMs` (undefined: for ever), or so many days where that is less. */
export function noLonger(livesMs: number, days: number | null | undefined): number;
export function noLonger(livesMs: number | undefined, days: number | null | undefined): number | undefined;
export function noLonger(livesMs: number | undefined, days: number | null | undefined): number | undefined {
  return days == null ? livesMs : Math.min(livesMs ?? Infinity, days * day);
}
