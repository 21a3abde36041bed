/**
 * Vars and secrets, parsed once per isolate. Bindings are typed by `wrangler types` (Cloudflare.Env); what a person may
 * set by hand is checked here, so that a bad environment is one clear message and not an odd failure later.
 */
import * as z from "zod";

const flag = z.enum(["true", "false"]).default("false").transform((value) => value === "true");

export const settingsSchema = z.looseObject({
  /** Secret that HMACs API keys; changing it invalidates every key. At least 32 characters. */
  KEY_PEPPER: z.string().min(32),
  /** Secret of the admin API. At least 32 characters. */
  ADMIN_SECRET: z.string().min(32),
  /** Master secret for providers' credentials at rest. At least 32 characters. */
  CREDENTIALS_SECRET: z.string().min(32),
  /** The master secret before this one, while what it sealed is sealed anew (docs/credentials.md). */
  CREDENTIALS_SECRET_PREVIOUS: z.string().regex(/^(?:[^]{32,})?$/, "at least 32 characters").default(""),
  /** What new keys start with. */
  KEY_PREFIX: z.string().regex(/^[a-zA-Z][a-zA-Z0-9_-]{1,31}[-_]$/, "letters, digits, - and _, ending in - or _").default("sk-forge-"),
  /** Base URL of a server on the owner's own machines that speaks OpenAI's protocol. */
  SOVEREIGN_ORIGIN: z.string().default(""),
  /** true: base URLs may be http and point to private hosts. For development and self-hosting only. */
  ALLOW_PRIVATE_UPSTREAMS: flag,
  /** Ids of providers, between commas, with which this installation has agreed that they keep nothing of its requests, or do not train on them. */
  ZERO_RETENTION_PROVIDERS: z.string().default(""),
  NO_TRAINING_PROVIDERS: z.string().default(""),
  /** Milliseconds until some upstream must have begun to answer, over all attempts. */
  UPSTREAM_HEADERS_TIMEOUT_MS: z.coerce.number().int().positive().default(600_000),
  /** Milliseconds that an upstream may take to begin a stream with headers, while another deployment is left to try. */
  UPSTREAM_CONNECT_TIMEOUT_MS: z.coerce.number().int().positive().default(30_000),
  /** Milliseconds that a whole answer may take to begin, which is when it is complete, while another deployment is left to try. */
  UPSTREAM_ANSWER_TIMEOUT_MS: z.coerce.number().int().positive().default(300_000),
  /** Milliseconds from a stream's headers to its first event, while another deployment is left to try. */
  UPSTREAM_FIRST_BYTE_TIMEOUT_MS: z.coerce.number().int().positive().default(60_000),
  /** How often a request is tried again once every deployment has failed in a way that may pass, and until when, milliseconds from its start. */
  UPSTREAM_RETRIES: z.coerce.number().int().min(0).max(10).default(1),
  UPSTREAM_RETRY_BUDGET_MS: z.coerce.number().int().min(0).default(8_000),
  /** Milliseconds between two looks at a provider's own batch. Its reservation lives for five minutes without one. */
  PROVIDER_BATCH_POLL_MS: z.coerce.number().int().min(50).max(240_000).default(60_000),
  /** Milliseconds from asking a provider for a batch until one that is not seen there was not made. The asking itself takes ten minutes at most. */
  PROVIDER_BATCH_ASK_MS: z.coerce.number().int().min(50).max(3_600_000).default(900_000),
  /** Milliseconds a stream may be silent before it is ended. */
  STREAM_IDLE_TIMEOUT_MS: z.coerce.number().int().positive().default(120_000),
  /** Milliseconds that an answer is read on for its exact usage once its client has left; the runtime gives a request some 30 s then. */
  DRAIN_TIMEOUT_MS: z.coerce.number().int().positive().default(25_000),
  /** Milliseconds of silence after which the client gets a comment line. */
  STREAM_HEARTBEAT_MS: z.coerce.number().int().positive().default(15_000),
  /** Bytes of files that an organisation may hold. 100 GiB unless it is said. */
  FILES_MOST_BYTES: z.coerce.number().int().min(0).default(100 * 1024 ** 3),
  /** Which Responses are kept: all but those that say `store: false`, as at OpenAI, or only those that ask for it. */
  RESPONSES_STORE: z.enum(["true", "asked"]).default("true"),
  /** Days that a thread of kept responses lives from its last one on. */
  RESPONSES_DAYS: z.coerce.number().positive().max(3_650).default(30),
  /** Milliseconds until a film that was begun is first asked after; then it is asked less and less often, every 20 seconds at last. */
  VIDEO_POLL_MS: z.coerce.number().int().positive().max(20_000).default(1_000),
  /** Milliseconds that ForgeLab's brain mode may think before it begins with its answer. */
  BRAIN_TIMEOUT_MS: z.coerce.number().int().positive().default(120_000),
  /** FLT, ForgeLab's credits, for one USD: what its dialect tells costs and prices in. */
  FLT_PER_USD: z.coerce.number().positive().default(25_000),
  /** Stripe's key for its API, secret (`sk_…`) or restricted (`rk_…`). With STRIPE_WEBHOOK_SECRET it lets organisations buy credits; without both there is no Stripe here. */
  STRIPE_SECRET_KEY: z.string().regex(/^(?:[sr]k_(?:\w+_)?(?:test|live)_\w+)?$/, "a key of Stripe's, sk_live_… or rk_test_…").default(""),
  /** What Stripe signs its events to this gateway with. */
  STRIPE_WEBHOOK_SECRET: z.string().regex(/^(?:whsec_\S+)?$/, "a signing secret of Stripe's, whsec_…").default(""),
  /** Who may sign up in the dashboard: anybody, whoever is approved, or only addresses that an organisation has as members. */
  DASHBOARD_SIGN_UP: z.enum(["open", "approval", "closed"]).default("approval"),
  /** The plan of organisations that people found in the dashboard. */
  DASHBOARD_PLAN: z.string().min(1).max(64).default("free"),
  /** E-mail addresses of those who run this gateway, between commas: they see and change all of it in the dashboard. */
  DASHBOARD_OPERATORS: z.string().default("").transform((text) => text.toLowerCase().split(",").map((address) => address.trim()).filter(Boolean)).pipe(z.array(z.email())),
  /** The sender of the dashboard's e-mails, through the binding EMAIL. */
  DASHBOARD_MAIL_FROM: z.union([z.email(), z.literal("")]).default(""),
  /** console: e-mails, with the links in them, are printed instead of sent. For local development only. */
  DASHBOARD_MAIL: z.enum(["send", "console"]).default("send"),
  /** OAuth applications at GitHub and Google that people may sign in with. */
  GITHUB_CLIENT_ID: z.string().default(""),
  GITHUB_CLIENT_SECRET: z.string().default(""),
  GOOGLE_CLIENT_ID: z.string().default(""),
  GOOGLE_CLIENT_SECRET: z.string().default(""),
}).refine((vars) => (vars.STRIPE_SECRET_KEY === "") === (vars.STRIPE_WEBHOOK_SECRET === ""), { path: ["STRIPE_WEBHOOK_SECRET"], message: "goes with STRIPE_SECRET_KEY: set both or neither" })
  .refine((vars) => vars.CREDENTIALS_SECRET_PREVIOUS !== vars.CREDENTIALS_SECRET, { path: ["CREDENTIALS_SECRET_PREVIOUS"], message: "must differ from CREDENTIALS_SECRET" });

/** The parsed settings. `vars` holds every string of the environment: providers read their own key and base URL there. */
export type Settings = z.infer<typeof settingsSchema>;

/** Parses vars and secrets. Throws an Error that names what is missing or wrong, never a value. */
export function parseSettings(env: Cloudflare.Env): Settings {
  const result = settingsSchema.safeParse(env);
  if (result.success) return result.data;
  const problems = result.error.issues.map((issue) => `${issue.path.join(".")}: ${issue.message}`);
  throw new Error(`Bad environment. ${problems.join("; ")}`);
}
