import { Hono, type Context } from "hono";
import { creditPosted } from "../accounts/credit-audit.ts";
import { agreementOf } from "../accounts/organisation-budgets.ts";
import { GatewayError } from "../errors.ts";
import type { CreditEntry, Posted } from "../limits/index.ts";
import { movementOf, readEvent, stripeOf, type Movement } from "../payments/index.ts";
import { log } from "../telemetry/log.ts";
import { readText } from "./admin/input.ts";
import type { App } from "./context.ts";
import { stripeKeysOf } from "./stripe-keys.ts";

/** Stripe's events are some kB; this is room for a hundred of them. */
const bodyLimit = 1024 * 1024;

/**
 * POST /stripe/webhook: Stripe's word on payments. A 2xx says "never again", so it is given when the entries are posted or nobody here can
 * ever post them; whatever may be otherwise in a minute is a 5xx, and Stripe comes again, for three days.
 */
export const stripe = new Hono<App>().post("/webhook", async (c) => {
  const keys = stripeKeysOf(c);
  const signature = c.req.header("stripe-signature");
  if (!signature) throw new GatewayError("invalid_request", "Stripe-Signature is missing.", { param: "Stripe-Signature" });
  const body = await readText(c.req.raw, bodyLimit);
  const asker = await stripeOf(keys);
  const event = await readEvent(asker, keys, body, signature);
  const movement = await settled(c, await movementOf(asker, keys, event));
  if (!("ignored" in movement)) return c.json({ posted: movement.entries.map(({ id }) => id) });
  log(movement.isLost ? "error" : "info", "stripe_event_ignored", { eventId: event.id, type: event.type, why: movement.ignored });
  return c.json({ ignored: movement.ignored });
});

/** Posts what moved. Returns it, or why it cannot be posted now or ever. */
async function settled(c: Context<App>, movement: Movement): Promise<Movement> {
  if ("ignored" in movement) return movement;
  const { organisation, entries } = movement;
  if (!(await isKnown(c, organisation))) return { ignored: `There is no organisation '${organisation}'.`, isLost: true };
  for (const entry of entries) {
    const { is } = await post(c, organisation, entry);
    if (is === "conflict") return { ignored: `'${organisation}' has another credit entry '${entry.id}'.`, isLost: true };
    await creditPosted(c.env.DB, { actor: "stripe", nowMs: Date.now() }, organisation, entry);
  }
  return movement;
}

async function post(c: Context<App>, organisation: string, entry: CreditEntry): Promise<Posted> {
  try {
    return await c.env.ORG_ACCOUNT.getByName(organisation).post(entry, { evenIfSpent: true });
  } catch (error) {
    log("error", "credit_not_posted", { organisationId: organisation, entryId: entry.id, message: String(error) });
    throw new GatewayError("limiter_unavailable", "The organisation's account cannot be reached. Send it again.", { retryAfterSeconds: 1 });
  }
}

const isKnown = (c: Context<App>, organisation: string): Promise<boolean> =>
  agreementOf(c.env.DB, organisation).then(() => true, (error: unknown) => {
    if (error instanceof GatewayError && error.code === "not_found") return false;
    throw error;
  });
