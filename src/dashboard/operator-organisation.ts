/** What an operator fills in about an organisation. */
import * as z from "zod";
import { roles } from "../accounts/members.ts";
import type { CreditEntry } from "../limits/index.ts";
import { emailField, nameField } from "./form.ts";
import { optional, ticked } from "./key-form.ts";

const dayMs = 86_400_000;
const idField = z.string().regex(/^[a-zA-Z0-9][a-zA-Z0-9_-]{0,63}$/, "One of the list.");
const lastDay = optional.pipe(z.iso.date("A day, such as 2027-01-31.").transform((day) => Date.parse(day) + dayMs).optional());

export const organisationSchema = z.object({ name: nameField(200), plan: idField, sovereign: ticked, headerCredentials: ticked, prepaid: ticked, paidUntil: lastDay });
export const memberSchema = z.object({ email: emailField, role: z.enum(roles) });
export const emailSchema = z.object({ email: emailField });
export const keySchema = z.object({ key: z.string().regex(/^\w{1,64}$/) });

/** Why it is suspended, as its people are told. */
export const suspensionSchema = z.object({ reason: nameField(500) });

export const creditOptions = [["adjustment", "Adjustment"], ["grant", "Grant"], ["top_up", "Top-up"], ["refund", "Refund"]] as const;

/** Decimal US dollars with their sign as nano-USD, exact. */
const signedUsd = z.string("Fill this in.").trim().regex(/^[-−+]?\$?\d{1,6}(\.\d{1,9})?$/, "An amount in US dollars, such as 50 or -12.50.").transform((text) => {
  const [whole, part = ""] = text.replace(/[-−+$]/g, "").split(".");
  return (/^[-−]/.test(text) ? -1 : 1) * (Number(whole) * 1e9 + Number(part.padEnd(9, "0")));
}).pipe(z.number().int().refine((nano) => nano !== 0, "More or less than nothing."));

/** `id`: made with the form, so that a form that is sent twice posts once. */
export const creditSchema = z.object({
  id: z.string().regex(/^cred_\w{1,60}$/), kind: z.enum(creditOptions.map(([kind]) => kind)), amount: signedUsd,
  reason: z.string("Fill this in.").trim().min(1, "Fill this in.").max(500, "At most 500 characters.").transform((text) => text.toWellFormed()), expires: lastDay,
}).superRefine(({ kind, amount, expires }, context) => {
  if (kind !== "adjustment" && amount < 0) context.addIssue({ code: "custom", path: ["amount"], message: "Only an adjustment takes away by its sign." });
  if (expires !== undefined && (kind === "refund" || kind === "adjustment")) context.addIssue({ code: "custom", path: ["expires"], message: "Only grants and top-ups end." });
});

/** The entry that a form stands for. A refund takes out what it names. */
export const entryOf = ({ id, kind, amount, reason, expires }: z.output<typeof creditSchema>, atMs: number): CreditEntry =>
  ({ id, atMs, kind, nanoUsd: kind === "refund" ? -amount : amount, reason, expiresAtMs: expires ?? null });
