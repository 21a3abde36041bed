/** What one isolate holds for all its requests: settings, reachable providers, callers, catalog, meters. */
import { Installations, principalOfKeySource, Principals, principalSource, RecentMap, TokenIssuers, type Masters } from "../accounts/index.ts";
import { Held, loadCatalog, type Catalog } from "../catalog/index.ts";
import { parseSettings, type Settings } from "../env.ts";
import { Files, KeptBodies, Uploads } from "../files/index.ts";
import { Health } from "../health/index.ts";
import { Meters } from "../limits/index.ts";
import { Calls } from "../replay/index.ts";
import { endpoints, selfHosted, type Endpoint } from "../providers/index.ts";
import { ReceiptSigner } from "../receipts/index.ts";
import { log } from "../telemetry/index.ts";
import { servedBy, type Served } from "../upstream/models.ts";
import { selftest, type SelftestReport } from "../upstream/sovereign-selftest.ts";
import { sovereignDial } from "../upstream/sovereign.ts";

export type Isolate = {
  readonly env: Cloudflare.Env;
  readonly settings: Settings;
  /** What organisations' credentials are sealed with, and were before. */
  readonly masters: Masters;
  readonly endpoints: ReadonlyMap<string, readonly Endpoint[]>;
  readonly principals: Principals;
  /** The same by the id of a key. */
  readonly keys: Principals;
  readonly installations: Installations;
  readonly tokenIssuers: TokenIssuers;
  readonly catalog: Held<Catalog>;
  /** Models of the owner's servers, as they list them themselves. */
  readonly selfHosted: Held<Served>;
  /** `key session` → where the conversation ran last, as far as this isolate has seen. */
  readonly sessions: RecentMap<string>;
  /** `base URL protocol` of servers that have said they do not speak it. */
  readonly unspoken: RecentMap<true>;
  readonly meters: Meters;
  readonly receipts: ReceiptSigner;
  readonly files: Files;
  readonly uploads: Uploads;
  /** What requests said, of organisations that keep it. */
  readonly bodies: KeptBodies;
  /** Requests by the names that their clients gave them. */
  readonly calls: Calls;
  /** How the deployments do. */
  readonly health: Health;
  /** Where it runs, as its first request tells: to read `cf` costs more than all the rest of routing, so nobody asks twice. */
  readonly regionOf: (request: Request) => string;
};

/** How old the catalog and the self-hosted server's model list may get before a refresh in the background. */
export const catalogFreshMs = 60_000;

/** Tries to break out of what holds a sovereign call. */
export const selftestOf = ({ env, endpoints }: Isolate): Promise<SelftestReport> => selftest(env, [...endpoints.values()].flat().filter(({ provider }) => provider.selfHosted));

/** By the environment it was made of: the Worker and each kind of object in its isolate are handed one of their own. */
const isolates = new WeakMap<Cloudflare.Env, Isolate>();

/** The isolate's own state, made on its first request. Throws when the environment is bad. */
export function isolateOf(env: Cloudflare.Env): Isolate {
  const made = isolates.get(env);
  if (made) return made;
  const settings = parseSettings(env);
  const known = endpoints({ vars: settings, allowPrivate: settings.ALLOW_PRIVATE_UPSTREAMS }, (problem) => log("error", "provider_left_out", { problem }));
  const dialled = (endpoint: Endpoint): Endpoint => (endpoint.provider.selfHosted ? { ...endpoint, dial: sovereignDial(env, endpoint.baseUrl) } : endpoint);
  const reachable = new Map([...known].map(([id, places]) => [id, places.map(dialled)]));
  const masters: Masters = { current: settings.CREDENTIALS_SECRET, previous: settings.CREDENTIALS_SECRET_PREVIOUS };
  let region: string | undefined;
  const files = new Files({ db: env.DB, bucket: env.FILES, masters, mostHeldBytes: settings.FILES_MOST_BYTES });
  const isolate: Isolate = {
    env,
    settings,
    masters,
    endpoints: reachable,
    principals: new Principals(principalSource(env.DB, { pepper: settings.KEY_PEPPER, masters })),
    installations: new Installations(env.DB),
    tokenIssuers: new TokenIssuers(env.DB, masters),
    keys: new Principals(principalOfKeySource(env.DB, { masters }), 1_000, () => true),
    catalog: new Held(
      (last) => loadCatalog(env.DB, last, (problem) => log("error", "catalog_faulty", { problem })), catalogFreshMs,
      (error) => log("error", "catalog_kept", { problem: String(error) }),
    ),
    selfHosted: new Held((last) => servedBy(reachable.get(selfHosted.id) ?? [], last), catalogFreshMs),
    meters: new Meters(env.KEY_METER),
    receipts: new ReceiptSigner(masters.current, masters.previous),
    files,
    uploads: new Uploads(env.DB, files),
    bodies: new KeptBodies(env.FILES, masters),
    calls: new Calls(env.IDEMPOTENT_CALL),
    health: new Health(),
    regionOf: (request) => (region ??= (request.cf?.continent as string | undefined) ?? "local"),
    sessions: new RecentMap(10_000),
    unspoken: new RecentMap(100),
  };
  isolates.set(env, isolate);
  return isolate;
}
