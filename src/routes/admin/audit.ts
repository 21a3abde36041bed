import { Hono } from "hono";
import * as z from "zod";
import { listAudit, type AuditEvent } from "../../accounts/audit.ts";
import type { App } from "../context.ts";
import { idSchema, limitQuery, placeSchema, readQuery } from "./input.ts";
import { iso, page } from "./output.ts";

export const listQuery = z.strictObject({ organisation: idSchema.optional(), limit: limitQuery, before: placeSchema.optional() });

const view = ({ id, atMs, actor, action, subject, organisationId, detail }: AuditEvent) => ({
  id, at: iso(atMs), actor, action, subject, organisation: organisationId, detail,
});

export const audit = new Hono<App>().get("/", async (c) => {
  const { organisation, limit, before } = readQuery(c, listQuery);
  const rows = await listAudit(c.env.DB, { organisationId: organisation, limit: limit + 1, before });
  return c.json(page(rows, { limit, view, cursor: ({ atMs, id }) => `${atMs}.${id}` }));
});
