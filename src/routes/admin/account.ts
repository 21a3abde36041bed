import { Hono, type Context } from "hono";
import * as z from "zod";
import { newId } from "../../accounts/base62.ts";
import { budgetSchema } from "../../accounts/budgets.ts";
import { agreementOf, deleteBudget, putBudget, updateAccount } from "../../accounts/organisation-budgets.ts";
import { GatewayError } from "../../errors.ts";
import type { AccountStanding, CreditEntry } from "../../limits/index.ts";
import { postCredit } from "../../pipeline/index.ts";
import type { App } from "../context.ts";
import { adopt, byAdmin } from "./adopt.ts";
import { idSchema, readBody, readParam, timeSchema } from "./input.ts";
import { iso } from "./output.ts";

export const accountPatch = z.strictObject({ prepaid: z.boolean().optional(), paidUntil: timeSchema.nullable().optional() });

const amount = z.number().int().positive().max(1e15);
/** What expires is written by the account itself, under names of this form. */
const entryId = z.string().min(1).max(200).refine((id) => !/\.expired\.\d+$/.test(id), "must not end like an expiry");
const reason = z.string().trim().min(1).max(500);
/** Money in may expire; money out is taken from what is left. `id` is the caller's, so that a call may be repeated. */
export const creditSchema = z.discriminatedUnion("kind", [
  z.strictObject({ kind: z.enum(["grant", "top_up"]), id: entryId.optional(), nanoUsd: amount, reason, expiresAt: timeSchema.nullable().default(null) }),
  z.strictObject({ kind: z.literal("refund"), id: entryId.optional(), nanoUsd: amount, reason }),
  z.strictObject({ kind: z.literal("adjustment"), id: entryId.optional(), nanoUsd: z.number().int().min(-1e15).max(1e15).refine((n) => n !== 0, "must not be 0"), reason }),
]);

const organisationOf = (c: Context): string => c.req.param("id")!;
const accountOf = (c: Context<App>) => c.env.ORG_ACCOUNT.getByName(organisationOf(c));

const creditView = ({ id, atMs, kind, nanoUsd, reason: why, expiresAtMs }: CreditEntry) => ({ id, at: iso(atMs), kind, nanoUsd, reason: why, expiresAt: iso(expiresAtMs) });

/** Mounted below /organisations/:id: what its keys share, how much is left, and its credits. */
export const account = new Hono<App>()
  .get("/account", async (c) => {
    const { prepaid, paidUntilMs } = await agreementOf(c.env.DB, organisationOf(c));
    const { pools } = (await accountOf(c).standing(Date.now())) as AccountStanding;
    return c.json({
      prepaid, paidUntil: iso(paidUntilMs ?? null),
      pools: pools.map(({ id, name, unit, window, limit, spent, held, free, bucketMs, endMs }) => ({
        id, name, unit, window: window.of, rolling: window.rolling, limit, spent, held, free,
        ...(window.of !== "total" && { since: iso(bucketMs), until: iso(endMs) }),
      })),
    });
  })
  .patch("/account", async (c) => {
    const { prepaid, paidUntil } = await readBody(c, accountPatch);
    const { accounts, standings } = await updateAccount(c.env.DB, byAdmin(), organisationOf(c), { prepaid, paidUntilMs: paidUntil });
    await adopt(c.env, standings, accounts);
    const terms = await agreementOf(c.env.DB, organisationOf(c));
    return c.json({ prepaid: terms.prepaid, paidUntil: iso(terms.paidUntilMs ?? null) });
  })
  .get("/budgets", async (c) => c.json({ data: (await agreementOf(c.env.DB, organisationOf(c))).budgets }))
  .put("/budgets/:budget", async (c) => {
    const budget = { id: readParam(c, "budget", idSchema), ...(await readBody(c, budgetSchema)) };
    const { accounts, standings } = await putBudget(c.env.DB, byAdmin(), organisationOf(c), budget);
    await adopt(c.env, standings, accounts);
    return c.json(budget);
  })
  .delete("/budgets/:budget", async (c) => {
    const { accounts, standings } = await deleteBudget(c.env.DB, byAdmin(), organisationOf(c), readParam(c, "budget", idSchema));
    await adopt(c.env, standings, accounts);
    return c.body(null, 204);
  })
  .get("/credits", async (c) => {
    const { prepaid } = await agreementOf(c.env.DB, organisationOf(c));
    const { creditEntries, creditNanoUsd, credit } = (await accountOf(c).standing(Date.now())) as AccountStanding;
    return c.json({ prepaid, totalNanoUsd: creditNanoUsd, spentNanoUsd: credit.spent, heldNanoUsd: credit.held, freeNanoUsd: credit.free, data: creditEntries.map(creditView) });
  })
  .post("/credits", async (c) => {
    const { id = newId("cred_"), kind, nanoUsd, reason: why, ...rest } = await readBody(c, creditSchema);
    const by = byAdmin();
    const entry: CreditEntry = { id, atMs: by.nowMs, kind, nanoUsd: kind === "refund" ? -nanoUsd : nanoUsd, reason: why, expiresAtMs: "expiresAt" in rest ? rest.expiresAt : null };
    const posted = await postCredit(c.env, by, organisationOf(c), entry);
    if (posted.is === "conflict") throw new GatewayError("conflict", `There is another credit entry '${id}'.`, { param: "id" });
    if (posted.is === "lacking") throw new GatewayError("conflict", `Only ${posted.free} nano-USD are not spent or in use.`, { param: "nanoUsd" });
    return c.json(creditView(entry), posted.is === "posted" ? 201 : 200);
  });
