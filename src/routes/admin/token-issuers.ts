import { Hono } from "hono";
import * as z from "zod";
import { deleteTokenIssuer, listTokenIssuers, putTokenIssuer, tokenIssuerSchema, type StoredTokenIssuer } from "../../accounts/token-issuers.ts";
import { GatewayError } from "../../errors.ts";
import { checkedUrlFor, isolateOf } from "../../pipeline/index.ts";
import type { App } from "../context.ts";
import { byAdmin } from "./adopt.ts";
import { readBody, readQuery } from "./input.ts";
import { iso } from "./output.ts";

export const issuerQuery = z.strictObject({ issuer: z.string().max(512) });

const view = ({ issuer, keyId, jwksUrl, createdAtMs }: StoredTokenIssuer) => ({ issuer, jwksUrl, key: keyId, createdAt: iso(createdAtMs) });

/** Mounted below /organisations/:id/token-issuers: whose tokens (JWT) stand for a user of the organisation, under a key's limits. */
export const tokenIssuers = new Hono<App>()
  .get("/", async (c) => c.json({ data: (await listTokenIssuers(c.env.DB, c.req.param("id")!)).map(view) }))
  .put("/", async (c) => {
    const wanted = await readBody(c, tokenIssuerSchema);
    const { masters, settings } = isolateOf(c.env);
    if (wanted.jwksUrl !== undefined) checked(wanted.jwksUrl, settings.ALLOW_PRIVATE_UPSTREAMS);
    return c.json(view(await putTokenIssuer(c.env.DB, byAdmin(), masters, c.req.param("id")!, wanted)));
  })
  .delete("/", async (c) => {
    await deleteTokenIssuer(c.env.DB, byAdmin(), c.req.param("id")!, readQuery(c, issuerQuery).issuer);
    return c.body(null, 204);
  });

function checked(url: string, allowPrivate: boolean): void {
  try {
    checkedUrlFor(url, allowPrivate, "jwksUrl");
  } catch (error) {
    throw new GatewayError("invalid_request", (error as Error).message, { param: "jwksUrl" });
  }
}
