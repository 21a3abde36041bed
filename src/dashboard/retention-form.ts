/** What the form of an organisation's retention means. */
import * as z from "zod";
import type { Retention } from "../accounts/retention.ts";
import { count } from "./figures.ts";
import type { Filled } from "./form.ts";

type What = keyof Retention;

/** `usual`: what holds where nothing is chosen; `most`: more than that many days cannot be. */
export type Choosable = { readonly name: What; readonly label: string; readonly hint: string; readonly usual: string; readonly days: readonly number[]; readonly most: number };

/** What can be chosen here. Whoever wants another number of days sets it by the admin API. */
export const choosable = (gatewayDays: number): readonly Choosable[] => [
  { name: "requestDays", label: "Figures of requests", hint: "Model, tokens, cost, times and receipts of each; no prompt, no answer. Their sums stay.", usual: "30 days", days: [3, 7, 14], most: 30 },
  { name: "responseDays", label: "Responses and conversations", hint: "Sealed; from the last one of a thread on.", usual: `${count(gatewayDays)} days`, days: [0, 1, 7, 30, 90, 365], most: gatewayDays },
  { name: "chatDays", label: "Chat completions", hint: "Stored where a request says store: true.", usual: `${count(gatewayDays)} days`, days: [0, 1, 7, 30, 90, 365], most: gatewayDays },
  { name: "fileDays", label: "Uploaded files", hint: "Sooner where the upload says so; a batch's input after 30 days at most.", usual: "Until they are deleted", days: [2, 7, 30, 90, 365], most: Infinity },
  { name: "outputDays", label: "Outputs of batches, films", hint: "Sooner where the batch says so.", usual: "30 days", days: [1, 3, 7, 14], most: 30 },
];

const inWords = (days: number): string => (days === 0 ? "Not at all" : days === 1 ? "A day" : `${count(days)} days`);

/** The options of one choice, the one that is set among them. */
export function optionsOf({ usual, days, most }: Choosable, set: number | null): (readonly [value: string, label: string])[] {
  const all = [...new Set([...days.filter((one) => one < most), ...(set === null ? [] : [set])])].sort((a, b) => a - b);
  return [["", usual], ...all.map((one) => [String(one), inWords(one)] as const)];
}

const daysField = z.string().regex(/^\d{0,4}$/, "Days, please.").default("").transform((text) => (text === "" ? null : Number(text)));
export const retentionFormSchema = z.object({ requestDays: daysField, responseDays: daysField, chatDays: daysField, fileDays: daysField, outputDays: daysField });

/** What is set, as the form is filled with it. */
export const filledRetention = (retention: Retention): Filled => Object.fromEntries(Object.entries(retention).map(([name, days]) => [name, days === null ? "" : String(days)]));
