/** Style sheets and islands: what they are called now, and the way to them. */
import { GatewayError } from "../errors.ts";
import type { Visit } from "./visit.ts";

const folder = "/dashboard/assets";
/** `base.css` → `base-4FQ2….css`, as scripts/assets.ts lists them; a deployment brings both. */
let names: Record<string, string> | undefined;

async function read(env: Cloudflare.Env, path: string, headers?: Headers): Promise<Response> {
  return env.ASSETS.fetch(new Request(`https://assets.local${path}`, { headers }));
}

/** The address of an asset by its source's name. */
export async function assetUrl({ env }: Pick<Visit, "env">, name: string): Promise<string> {
  names ??= await (await read(env, `${folder}/names.json`)).json<Record<string, string>>();
  const found = names[name];
  if (!found) throw new Error(`There is no asset ${name}.`);
  return `${folder}/${found}`;
}

/** An asset itself, for ever: another content has another name. Throws `not_found`. */
export async function asset(env: Cloudflare.Env, request: Request): Promise<Response> {
  const found = await read(env, new URL(request.url).pathname, new Headers(request.headers));
  if (!found.ok && found.status !== 304) throw new GatewayError("not_found", "There is no such file.");
  const headers = new Headers(found.headers);
  headers.set("cache-control", "public, max-age=31536000, immutable");
  return new Response(found.body, { status: found.status, headers });
}
