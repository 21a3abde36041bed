import { Hono, type Context } from "hono";
import * as z from "zod";
import { providerSecretSchema, type CredentialOwner } from "../../accounts/credentials.ts";
import { deleteCredential, listCredentials, putCredential, updateCredential, type StoredCredential } from "../../accounts/provider-credentials.ts";
import { resealCredentials } from "../../accounts/resealing.ts";
import { GatewayError } from "../../errors.ts";
import { isolateOf } from "../../pipeline/index.ts";
import type { App } from "../context.ts";
import { adopt, byAdmin } from "./adopt.ts";
import { readBody } from "./input.ts";
import { iso } from "./output.ts";

/** Unless it is said, the installation's own key does not stand in: prompts would go to an account that the organisation did not choose. */
export const newSchema = z.strictObject({ secret: providerSecretSchema, only: z.boolean().default(true) });
export const patchSchema = z.strictObject({ only: z.boolean() });

const organisationOf = (c: Context): string => c.req.param("id")!;
const ownerOf = (c: Context): CredentialOwner => ({ organisationId: organisationOf(c), provider: c.req.param("provider")! });
const view = ({ createdAtMs, ...credential }: StoredCredential) => ({ ...credential, createdAt: iso(createdAtMs) });

/** Mounted below /organisations/:id. */
export const credentials = new Hono<App>()
  .get("/", async (c) => c.json({ data: (await listCredentials(c.env.DB, organisationOf(c))).map(view) }))
  .put("/:provider", async (c) => {
    const owner = ownerOf(c);
    const { masters, endpoints } = isolateOf(c.env);
    if (!endpoints.has(owner.provider)) throw new GatewayError("not_found", `There is no provider '${owner.provider}' here.`);
    const { credential, standings } = await putCredential(c.env.DB, byAdmin(), masters.current, { ...owner, ...(await readBody(c, newSchema)) });
    await adopt(c.env, standings);
    return c.json(view(credential));
  })
  .patch("/:provider", async (c) => {
    const { credential, standings } = await updateCredential(c.env.DB, byAdmin(), ownerOf(c), await readBody(c, patchSchema));
    await adopt(c.env, standings);
    return c.json(view(credential));
  })
  .delete("/:provider", async (c) => {
    const { standings } = await deleteCredential(c.env.DB, byAdmin(), ownerOf(c));
    await adopt(c.env, standings);
    return c.body(null, 204);
  });

/** Everybody's credentials, token issuers' secrets and the keys of everybody's files: sealed under the current master secret, where the previous one still holds them. */
export const allCredentials = new Hono<App>().post("/rotate", async (c) => {
  const { masters, files } = isolateOf(c.env);
  const [credentials, keys] = [await resealCredentials(c.env.DB, byAdmin(), masters), await files.reseal()];
  return c.json({ resealed: credentials.resealed + keys.resealed, left: credentials.left + keys.left });
});
