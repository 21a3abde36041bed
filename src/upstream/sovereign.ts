/** The call of a sovereign request: made in a sandbox that can reach the origin and nothing else, where the platform has one. */
import { exports } from "cloudflare:workers";
import type { Endpoint } from "../providers/index.ts";
import { sandboxCode, sandboxVersion } from "./sandbox.ts";
import { gateHeader, reach, type OriginProps, type SovereignEnv } from "./sovereign-origin.ts";

/** How the origin at this base URL is reached: by the VPC binding where there is one, else by its URL. */
export const originProps = (env: SovereignEnv, baseUrl: string): OriginProps => ({ baseUrl, vpc: env.SOVEREIGN_VPC && "SOVEREIGN_VPC" });

/** The sandbox of an origin; loaded once, and found by its name from then on. */
export function sandboxOf(loader: WorkerLoader, props: OriginProps): WorkerStub {
  return loader.get(`sovereign ${sandboxVersion} ${JSON.stringify(props)}`, () => sandboxCode(exports.SovereignOrigin({ props })));
}

/**
 * What calls the origin at `baseUrl` in place of `fetch`. Rejects when the URL is not under it, no answer comes, or with the
 * signal's reason. Without the binding LOADER the same gate is passed, but no sandbox holds the call.
 */
export function sovereignDial(env: SovereignEnv, baseUrl: string): NonNullable<Endpoint["dial"]> {
  const props = originProps(env, baseUrl);
  const { LOADER } = env;
  return async (url, init) => {
    const response = await (LOADER ? sandboxOf(LOADER, props).getEntrypoint().fetch(url, init) : reach(new Request(url, init), props, env));
    const why = response.headers.get(gateHeader);
    if (why === null) return response;
    init.signal?.throwIfAborted();
    throw new Error(why);
  };
}
