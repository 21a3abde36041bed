/** A Worker that only dials: what the gateway does with a sovereign call, alone. `?way=` sandbox, gate or bare. */
import { sovereignDial } from "../../src/upstream/sovereign.ts";

export { SovereignOrigin } from "../../src/upstream/sovereign-origin.ts";

type Env = { LOADER: WorkerLoader; BASE_URL: string; SOVEREIGN_VPC?: Fetcher };

/** Passes a request on to the path that it names, with its body and its `give-` headers. `?abortMs=` aborts the call, and answers how it ended. */
export default {
  async fetch(request: Request, env: Env): Promise<Response> {
    const url = new URL(request.url);
    const way = url.searchParams.get("way");
    const dial = way === "bare" ? (to: string, init: RequestInit) => fetch(to, init) : sovereignDial(way === "sandbox" ? env : { ...env, LOADER: undefined }, env.BASE_URL);
    const headers = [...request.headers].filter(([name]) => name.startsWith("give-")).map(([name, value]): [string, string] => [name.slice(5), value]);
    const abortMs = url.searchParams.get("abortMs");
    try {
      const signal = abortMs === null ? request.signal : AbortSignal.timeout(Number(abortMs));
      const response = await dial(env.BASE_URL + url.pathname, { method: request.method, headers, body: request.method === "POST" ? await request.arrayBuffer() : undefined, redirect: "manual", signal });
      return abortMs === null ? response : new Response(await response.text());
    } catch (error) {
      return new Response((error as Error).name, { status: 599 });
    }
  },
};
