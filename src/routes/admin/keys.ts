import { Hono } from "hono";
import * as z from "zod";
import { prefixPattern } from "../../accounts/api-key.ts";
import { getKey, listKeys, type KeyRecord } from "../../accounts/key-record.ts";
import { createKey, noSuchKey, revokeKey, rotateKey, updateKey } from "../../accounts/keys.ts";
import { keyPolicyPatchSchema, keyPolicySchema } from "../../accounts/policy.ts";
import { GatewayError } from "../../errors.ts";
import { isolateOf } from "../../pipeline/index.ts";
import type { App } from "../context.ts";
import { adopt, byAdmin } from "./adopt.ts";
import { idSchema, limitQuery, nameSchema, placeSchema, readBody, readOptionalBody, readQuery, timeSchema } from "./input.ts";
import { iso, page } from "./output.ts";

export const newSchema = z.strictObject({
  organisation: idSchema,
  name: nameSchema,
  policy: keyPolicySchema.prefault({}),
  expiresAt: timeSchema.nullable().default(null),
  prefix: z.string().regex(prefixPattern, "letters, digits, - and _, ending in - or _").optional(),
});
export const patchSchema = z.strictObject({ name: nameSchema.optional(), policy: keyPolicyPatchSchema.optional(), expiresAt: timeSchema.nullable().optional() });
export const rotateSchema = z.strictObject({ graceSeconds: z.number().int().min(0).max(30 * 86_400).default(86_400) });
export const listQuery = z.strictObject({ organisation: idSchema.optional(), limit: limitQuery, after: placeSchema.optional() });

const view = (key: KeyRecord) => ({
  id: key.id,
  organisation: key.organisationId,
  name: key.name,
  hint: key.secrets[0]?.hint ?? null,
  policy: key.policy,
  version: key.version,
  createdAt: iso(key.createdAtMs),
  expiresAt: iso(key.expiresAtMs),
  revokedAt: iso(key.revokedAtMs),
  secrets: key.secrets.map(({ hint, createdAtMs, expiresAtMs }) => ({ hint, createdAt: iso(createdAtMs), expiresAt: iso(expiresAtMs) })),
});

export const keys = new Hono<App>()
  .post("/", async (c) => {
    const { settings } = isolateOf(c.env);
    const { organisation, name, policy, expiresAt, prefix = settings.KEY_PREFIX } = await readBody(c, newSchema);
    const by = byAdmin();
    if (expiresAt !== null && expiresAt <= by.nowMs) throw new GatewayError("invalid_request", "expiresAt: lies in the past", { param: "expiresAt" });
    const { key, secret } = await createKey(c.env.DB, by, settings.KEY_PEPPER, { organisationId: organisation, name, policy, expiresAtMs: expiresAt, prefix });
    return c.json({ ...view(key), secret }, 201);
  })
  .get("/", async (c) => {
    const { organisation, limit, after } = readQuery(c, listQuery);
    const rows = await listKeys(c.env.DB, { organisationId: organisation, limit: limit + 1, after });
    return c.json(page(rows, { limit, view, cursor: ({ createdAtMs, id }) => `${createdAtMs}.${id}` }));
  })
  .get("/:id", async (c) => {
    const id = c.req.param("id");
    const key = await getKey(c.env.DB, id);
    if (!key) throw noSuchKey(id);
    return c.json(view(key));
  })
  .patch("/:id", async (c) => {
    const { expiresAt, ...patch } = await readBody(c, patchSchema);
    const { key, standings } = await updateKey(c.env.DB, byAdmin(), c.req.param("id"), { ...patch, expiresAtMs: expiresAt });
    await adopt(c.env, standings);
    return c.json(view(key));
  })
  .post("/:id/rotate", async (c) => {
    const { graceSeconds } = await readOptionalBody(c, rotateSchema);
    const { KEY_PEPPER: pepper } = isolateOf(c.env).settings;
    const { key, secret, standings } = await rotateKey(c.env.DB, byAdmin(), pepper, { id: c.req.param("id"), graceMs: graceSeconds * 1000 });
    await adopt(c.env, standings);
    return c.json({ ...view(key), secret });
  })
  .post("/:id/revoke", async (c) => {
    const { key, standings } = await revokeKey(c.env.DB, byAdmin(), c.req.param("id"));
    await adopt(c.env, standings);
    return c.json(view(key));
  });
