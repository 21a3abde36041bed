import { Hono, type Context } from "hono";
import { z } from "zod";
import { deleteCredential, listCredentials, putCredential, type StoredCredential } from "../../accounts/provider-credentials.ts";
import { GatewayError } from "../../errors.ts";
import { isolateOf } from "../../pipeline/index.ts";
import type { App } from "../context.ts";
import { adopt, byAdmin } from "./adopt.ts";
import { readBody } from "./input.ts";
import { iso } from "./output.ts";

/** Travels in a header, so it is one line of printable ASCII. */
const secretSchema = z.strictObject({ secret: z.string().trim().min(1).max(8192).regex(/^[\x20-\x7e]*$/, "one line of printable ASCII") });

const organisationOf = (c: Context): string => c.req.param("id")!;
const view = ({ provider, createdAtMs }: StoredCredential) => ({ provider, createdAt: iso(createdAtMs) });

/** Mounted below /organisations/:id. */
export const credentials = new Hono<App>()
  .get("/", async (c) => c.json({ data: (await listCredentials(c.env.DB, organisationOf(c))).map(view) }))
  .put("/:provider", async (c) => {
    const provider = c.req.param("provider");
    const { settings, endpoints } = isolateOf(c.env);
    if (!endpoints.has(provider)) throw new GatewayError("not_found", `There is no provider '${provider}' here.`);
    const { secret } = await readBody(c, secretSchema);
    const owner = { organisationId: organisationOf(c), provider };
    const { credential, standings } = await putCredential(c.env.DB, byAdmin(), settings.CREDENTIALS_SECRET, { ...owner, secret });
    await adopt(c.env, standings);
    return c.json(view(credential));
  })
  .delete("/:provider", async (c) => {
    const owner = { organisationId: organisationOf(c), provider: c.req.param("provider") };
    const { standings } = await deleteCredential(c.env.DB, byAdmin(), owner);
    await adopt(c.env, standings);
    return c.body(null, 204);
  });
