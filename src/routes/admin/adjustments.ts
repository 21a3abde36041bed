import { Hono } from "hono";
import * as z from "zod";
import { newId } from "../../accounts/base62.ts";
import { getKey } from "../../accounts/key-record.ts";
import { recordAudit } from "../../accounts/audit.ts";
import { GatewayError } from "../../errors.ts";
import { findAnyRequest, findRequest } from "../../ledger/requests.ts";
import type { Adjusted } from "../../limits/index.ts";
import { log } from "../../telemetry/log.ts";
import type { App } from "../context.ts";
import { byAdmin } from "./adopt.ts";
import { idSchema, readBody } from "./input.ts";

/** `nanoUsd` below zero gives back. `id` is the caller's, so that a call may be repeated. */
export const newSchema = z.strictObject({
  id: z.string().regex(/^adj_[a-zA-Z0-9_-]{1,60}$/, "adj_ and 1 to 60 letters, digits, - and _").optional(),
  request: z.string().min(1).max(200),
  /** Where the request lies; needed for a minute only, until it has been rolled up. */
  key: idSchema.optional(),
  nanoUsd: z.number().int().min(-1e15).max(1e15).refine((n) => n !== 0, "must not be 0"),
  /** Well-formed: what has no canonical JSON cannot be chained. */
  reason: z.string().trim().min(1).max(500).transform((text) => text.toWellFormed()),
});

/** Corrections of what requests were charged: entries of their own, with a reason; history stays as it was. */
export const adjustments = new Hono<App>().post("/", async (c) => {
  const { id = newId("adj_"), request, key, nanoUsd, reason } = await readBody(c, newSchema);
  const missing = new GatewayError("not_found", `No finished request ${JSON.stringify(request)} is known${key === undefined ? ". One that is less than two minutes old is found by its key only" : " for this key"}.`, { param: "request" });
  const taken = new GatewayError("conflict", `There is another correction '${id}'.`, { param: "id" });
  const found = await findAnyRequest(c.env.DB, request);
  const keyId = key ?? found?.keyId;
  const owner = keyId === undefined ? undefined : await getKey(c.env.DB, keyId);
  if (keyId === undefined || (found && found.keyId !== keyId) || !owner) throw missing;
  const meter = c.env.KEY_METER.getByName(keyId);
  // Rolled up in between, it is in D1 now.
  const entry = found?.entry ?? (await meter.entry(request)) ?? (await findRequest(c.env.DB, { keyId, organisationId: owner.organisationId, usageScope: "key" }, request));
  if (!entry || entry.end === "adjustment") throw missing;
  // Each key's object knows its own corrections only; in D1, where they come at once, all of them share their names.
  const sameId = await findAnyRequest(c.env.DB, id);
  if (sameId && sameId.keyId !== keyId) throw taken;
  const adjusted = (await meter.adjust({ id, request, nanoUsd, reason }, entry)) as Adjusted;
  if (adjusted.is === "conflict") throw taken;
  if (adjusted.is === "too_much") throw new GatewayError("conflict", `The request was charged ${adjusted.charged} nano-USD: no more can be given back.`, { param: "nanoUsd" });
  if (adjusted.is === "posted") await meter.flush().catch(() => log("warn", "roll_up_failed", { key: keyId }));
  await recordAudit(c.env.DB, byAdmin(), { action: "adjustment.post", subject: id, organisationId: owner.organisationId, detail: { request, nanoUsd, reason } });
  return c.json({ id, request, key: keyId, nanoUsd, reason }, adjusted.is === "posted" ? 201 : 200);
});
