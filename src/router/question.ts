/** What is asked of the router and what it answers. */
import type { Principal } from "../accounts/policy.ts";
import type { Catalog, Model, PickBy } from "../catalog/index.ts";
import type { Price, Tier } from "../ledger/price.ts";
import type { NativeOnly, RoutingWish } from "../protocols/protocol.ts";
import type { Endpoint } from "../providers/index.ts";
import type { Lack, Needs } from "./needs.ts";

/** What is known of how a deployment does. Times are milliseconds. */
export type Vital = {
  readonly state: "closed" | "open" | "half_open";
  /** Time to the first token of a stream. */
  readonly firstByteMs?: { readonly p50: number; readonly p95?: number } | undefined;
  readonly tokensPerSecond?: number | undefined;
};

export type Question = {
  name: string;
  /** Protocols in which the request can be made, the client's own first. undefined: whichever a provider speaks. */
  protocols: readonly string[] | undefined;
  principal: Principal;
  /** The request or its key asks for self-hosted models only. */
  sovereign: boolean;
  /** The protocol in which a provider is asked to search the web, which has a price of its own: told in another, it is not asked. `any`: it is asked in whichever. */
  searches?: string | undefined;
  /** What of the request can only be said in this protocol. */
  nativeOnly?: (NativeOnly & { readonly protocol: string }) | undefined;
  /** The service tier that was asked for, where it has prices of its own. */
  tier?: Tier | undefined;
  catalog: Catalog;
  /** When it is asked: prices have dates. */
  atMs: number;
  /** Models of the owner's servers, as they list them themselves. */
  selfHostedModels: readonly string[];
  /** Base URLs of the servers that list a model; a model that is not in it may be anywhere. */
  servedAt?: ReadonlyMap<string, readonly string[]>;
  endpoints: ReadonlyMap<string, readonly Endpoint[]>;
  /** What is asked for: text for a conversation, vectors, a ranking, … */
  kind?: Model["kind"];
  /** What the models are for that can be asked, by protocol, where they are not all for the same. */
  kinds?: ReadonlyMap<string, Model["kind"]> | undefined;
  /** What the request needs of a model. Asked only where there is something to choose. */
  needs?: () => Needs;
  /** How the request wants to be routed. */
  wish?: RoutingWish | undefined;
  health?: (vital: string) => Vital | undefined;
  /** Asked only where there is a choice, as `stuck` is. The same for all requests of one conversation: what is spread by chance is spread by it. */
  seed?: string | undefined;
  /** The deployment that the conversation ran on before: its prompt is cached there. */
  stuck?: string | undefined;
};

/** One try on one deployment. */
export type Attempt = {
  readonly endpoint: Endpoint;
  /** What the provider calls the model. */
  readonly upstreamId: string;
  /** `provider/upstream id`, for ledger and headers. */
  readonly deployment: string;
  /** Under which name its health is known: one of several servers, or an organisation's own account, has a health of its own. */
  readonly vital: string;
  /** Public name of the model; undefined: the catalog does not know it. */
  readonly model?: string | undefined;
  /** It is called with the organisation's own credential. */
  readonly own?: boolean;
  readonly prices: readonly Price[];
  /** Most tokens that the model can read at once, as the catalog knows it. */
  readonly contextTokens?: number | undefined;
  /** Most output tokens of one answer, as the catalog knows it. */
  readonly maxOutputTokens: number | undefined;
  /** In which of the asked protocols it can be called, the first asked one first, then as its provider prefers. */
  readonly protocols: readonly string[];
  /** It gives its reasoning encrypted when it is asked to, for a client that sends it back. */
  readonly seals?: true;
  /** Reasoning that only its maker can read was made elsewhere: it must not be sent here. */
  readonly foreign?: true;
};

export type ExclusionReason =
  | "unknown"          // nobody knows the name
  | "not_configured"   // no key, or no address, of its provider
  | "protocol"         // it does not speak what was asked
  | "not_native"       // the request has what only its own protocol can say (a provider's own tools), and it is not spoken there
  | "not_self_hosted"  // the request is sovereign
  | "taken_out"        // who runs the gateway has taken it out
  | "not_allowed"      // the key, its plan or its organisation does not let it be called
  | "not_priced"       // money is counted, and what it costs is not known
  | "free"             // an alias of everything means nothing that is given away
  | "not_free"         // `:free` was asked for
  | "ignored"          // provider.ignore
  | "not_in_only"      // provider.only
  | "fallbacks_off"    // provider.allow_fallbacks: false, or the name is one deployment's
  | "trains"           // provider.data_collection: deny, and it is not known to keep prompts out of training
  | "retains"          // provider.zdr, and it is not known to retain nothing
  | "quantization"     // provider.quantizations, and it is not known which it has
  | "max_price"        // provider.max_price
  | "unhealthy"        // its circuit is open
  | "other_embedding"  // vectors of two models cannot be compared
  | "not_needed"       // enough others are before it
  | Lack;

export type Exclusion = { readonly deployment: string; readonly reason: ExclusionReason };

/** `pick`: how the order was found where the name left it open; `placed`: the request itself said whom to try first. */
export type Plan = {
  readonly attempts: readonly Attempt[]; readonly excluded: readonly Exclusion[]; readonly pick?: PickBy | undefined; readonly placed?: true;
  readonly hedges?: true; readonly continues?: true;
};
