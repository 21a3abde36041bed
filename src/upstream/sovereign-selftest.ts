/** What holds a sovereign call, tried out and reported. */
import { authHeaders, type Endpoint } from "../providers/index.ts";
import { ambient, throughOrigin, throughRedirect, type Attempt, type Breakouts } from "./breakouts.ts";
import type { OriginProps, SovereignEnv } from "./sovereign-origin.ts";
import { originProps, sandboxOf, sovereignDial } from "./sovereign.ts";

export type OriginReport = {
  /** Its base URL. */
  readonly origin: string;
  /** `vpc`: by a Workers VPC binding, whose destination the platform has fixed. `url`: by its address. */
  readonly transport: "vpc" | "url";
  /** Whether it answered `GET <origin>/models`, with whatever status. */
  readonly reachable: boolean;
  readonly status?: number;
  readonly attempts: readonly Attempt[];
};

export type SelftestReport = {
  /** There is an origin and a sandbox, and every attempt was blocked. */
  readonly sealed: boolean;
  readonly sandbox: "worker_loader" | "none";
  /** `vpc` when every origin is reached so. */
  readonly transport: "vpc" | "url";
  readonly origins: readonly OriginReport[];
};

const patienceMs = 5_000;
const elsewhere = "https://example.com/";

/** Tries every way out of the sandbox of each origin. Without a sandbox nothing is tried, and nothing is called blocked. */
export async function selftest(env: SovereignEnv, endpoints: readonly Endpoint[]): Promise<SelftestReport> {
  const origins = await Promise.all(endpoints.map((endpoint) => reportOn(env, endpoint)));
  const all = (holds: (origin: OriginReport) => boolean): boolean => origins.length > 0 && origins.every(holds);
  return {
    sealed: all(({ attempts }) => attempts.every(({ blocked }) => blocked)),
    sandbox: env.LOADER ? "worker_loader" : "none",
    transport: all(({ transport }) => transport === "vpc") ? "vpc" : "url",
    origins,
  };
}

async function reportOn(env: SovereignEnv, endpoint: Endpoint): Promise<OriginReport> {
  const props = originProps(env, endpoint.baseUrl);
  const [status, attempts] = await Promise.all([statusOf(env, endpoint), env.LOADER ? tryAll(env.LOADER, props) : untried()]);
  return { origin: endpoint.baseUrl, transport: props.vpc ? "vpc" : "url", reachable: status !== undefined, status, attempts };
}

async function statusOf(env: SovereignEnv, endpoint: Endpoint): Promise<number | undefined> {
  const init = { headers: authHeaders(endpoint, "openai-chat"), redirect: "manual", signal: AbortSignal.timeout(patienceMs) } as const;
  const response = await sovereignDial(env, endpoint.baseUrl)(`${endpoint.baseUrl}/models`, init).catch(() => undefined);
  void response?.body?.cancel();
  return response?.status;
}

async function tryAll(loader: WorkerLoader, props: OriginProps): Promise<Attempt[]> {
  const tried = await Promise.all([
    tryIn(sandboxOf(loader, props), props.baseUrl, { ...ambient, ...throughOrigin }),
    tryIn(sandboxOf(loader, { ...props, redirectsTo: elsewhere }), props.baseUrl, throughRedirect),
  ]);
  return tried.flat();
}

/** The attempts, made in this sandbox. */
export async function tryIn(sandbox: WorkerStub, baseUrl: string, attempts: Readonly<Record<string, string>>): Promise<Attempt[]> {
  const breakouts = sandbox.getEntrypoint<Breakouts>("Breakouts");
  return [...(await breakouts.run(Object.keys(attempts), baseUrl))];
}

function untried(): Attempt[] {
  const report = (attempts: Readonly<Record<string, string>>, how: string): Attempt[] => Object.keys(attempts).map((attempt) => ({ attempt, blocked: false, how }));
  return [
    ...report(ambient, "not tested: no loader, so nothing takes this away from the Worker"),
    ...report({ ...throughOrigin, ...throughRedirect }, "not tested: no loader"),
  ];
}
