/** What can be called and what it costs: read from D1 as a whole, held in the isolate, never asked on the hot path. */
import { listed, pricedFromMs, type Price, type Unit } from "../ledger/price.ts";
import { doubtAbout } from "./doubt.ts";
import { everyDeployment, everyModel, sound, type AliasRow, type AliasRuleRow, type DeploymentRow, type ModelKind, type ModelRow, type PickBy, type PriceRow, type Rows } from "./rows.ts";

/** Capabilities by which models are chosen. */
export const capabilities = ["tools", "vision", "audio", "video", "pdf", "json_schema", "reasoning"] as const;
export type Capability = (typeof capabilities)[number];

/** A set of capabilities as a number: thousands of models are compared for one request. */
export const capabilityBits = (names: readonly string[]): number => capabilities.reduce((bits, name, i) => (names.includes(name) ? bits | (1 << i) : bits), 0);

export type Model = {
  readonly id: string;
  readonly owner: string;
  readonly kind: ModelKind;
  readonly inputModalities: readonly string[];
  readonly outputModalities: readonly string[];
  readonly capabilities: readonly string[];
  /** The capabilities by which models are chosen, as `capabilityBits` has them. */
  readonly can: number;
  /** Its maker serves it by Responses only. */
  readonly responsesOnly: boolean;
  readonly contextTokens: number | null;
  readonly maxOutputTokens: number | null;
  readonly releasedAt: number | null;
};

/** What is charged when the catalog is read, before any step for long inputs: pico-USD a token, and a request. */
export type Rates = { readonly input: number; readonly output: number; readonly cachedInput: number; readonly request: number };

/**
 * A model as one provider serves it. `name`: `provider/upstream id`; `rates`: to compare by, undefined without a price; `pricedFromMs`:
 * from when on the tokens of its kind have a price, undefined when one of them never has.
 */
export type Deployment = {
  readonly provider: string;
  readonly upstreamId: string;
  readonly name: string;
  readonly model: Model;
  readonly prices: readonly Price[];
  readonly rates: Rates | undefined;
  readonly pricedFromMs: number | undefined;
  /** It costs nothing, or says so by half: a variant for a while, a tier that reads along, a router's own fee. */
  readonly gift: boolean;
  /** The operator has taken it out: nobody is sent there. */
  readonly out?: true;
};

/** What a request to a model of a kind may be charged for: every unit of the first way of which all have a price. */
const charges: Readonly<Record<ModelKind, readonly (readonly Unit[])[]>> = {
  chat: [["input", "output"]],
  embedding: [["input"]],
  rerank: [["search_unit"], ["input"]],
  moderation: [["input"], ["request"]],
  speech: [["character"], ["input", "output_audio"], ["input", "output"], ["audio_second"]],
  transcription: [["audio_second"], ["input_audio", "output"], ["input", "output"]],
  image: [["image"], ["input", "output_image"], ["input", "output"]],
  video: [["video_second"]],
};

/** The tokens that a request to a model of a kind is charged for; none where it is charged by the piece. */
export const tokensOf = (kind: ModelKind): readonly ("input" | "output")[] => (kind === "chat" ? ["input", "output"] : kind === "embedding" ? ["input"] : []);

/** From when on what is asked of a model has a price; undefined: it never has. */
export function chargedFromMs(prices: readonly Price[], kind: ModelKind): number | undefined {
  const starts = charges[kind].flatMap((units) => pricedFromMs(prices, units) ?? []);
  return starts.length > 0 ? Math.min(...starts) : undefined;
}

/** What a public name stands for. A target is any name, `provider/*` for all that a provider has, or `*` for everything. */
export type Alias = {
  readonly pick: PickBy;
  readonly targets: readonly { readonly name: string; readonly weight: number }[];
  /** Its requests are hedged, and its streams go on elsewhere when they break, without having asked. */
  readonly hedges?: true;
  readonly continues?: true;
};

export type Catalog = {
  readonly models: ReadonlyMap<string, Model>;
  readonly deployments: readonly Deployment[];
  /** Model id → its deployments. */
  readonly byModel: ReadonlyMap<string, readonly Deployment[]>;
  /** `provider/upstream id` → deployment. */
  readonly byName: ReadonlyMap<string, Deployment>;
  /** Upstream id → deployments that carry it, for ids such as `meta-llama/llama-3.1-70b`. */
  readonly byUpstreamId: ReadonlyMap<string, readonly Deployment[]>;
  /** By `organisation/alias`; organisation '' is everyone. */
  readonly aliases: ReadonlyMap<string, Alias>;
};

/** Reads the whole catalog in one round trip. Throws, for the last good one to stay, when it is malformed or cannot be meant beside that one. */
export async function loadCatalog(db: D1Database, last?: Catalog, report: (problem: string) => void = () => {}): Promise<Catalog> {
  const [models, deployments, prices, aliases, aliasRules] = await db.batch([
    db.prepare(`SELECT * FROM ${everyModel}`),
    db.prepare(`SELECT provider, upstream_id, model_id, serves FROM ${everyDeployment}`),
    db.prepare("SELECT provider, upstream_id, class, above_tokens, valid_from, pico_usd FROM prices"),
    db.prepare("SELECT organisation_id, name, target, weight FROM aliases WHERE organisation_id <> '*' ORDER BY organisation_id, name, position"),
    db.prepare("SELECT organisation_id, name, pick, hedges, continues FROM alias_rules WHERE organisation_id <> '*'"),
  ]);
  const { rows, faults } = sound({
    models: models!.results as ModelRow[], deployments: deployments!.results as DeploymentRow[], prices: prices!.results as PriceRow[], aliases: aliases!.results as AliasRow[], aliasRules: aliasRules!.results as AliasRuleRow[],
  });
  const problem = faults.length > 0 ? `${faults.length} malformed rows, such as ${faults[0]}` : undefined;
  if (problem && last) throw new Error(problem);
  if (problem) report(`${problem}: left out`);
  const catalog = buildCatalog(rows, Date.now());
  const doubt = last && doubtAbout(catalog, last);
  if (doubt) throw new Error(doubt);
  return catalog;
}

/** Joins the rows as of a moment. Deployments of unknown models are left out. */
export function buildCatalog(rows: Rows, atMs: number): Catalog {
  const models = new Map<string, Model>(rows.models.map((row) => [row.id, withBits({
    id: row.id, owner: row.owner, kind: row.kind,
    inputModalities: JSON.parse(row.input_modalities) as string[],
    outputModalities: JSON.parse(row.output_modalities) as string[],
    capabilities: JSON.parse(row.capabilities) as string[],
    contextTokens: row.context_tokens, maxOutputTokens: row.max_output_tokens, releasedAt: row.released_at,
  })]));
  const prices = Map.groupBy(rows.prices, (row) => `${row.provider}/${row.upstream_id}`);
  const deployments = rows.deployments.flatMap((row): Deployment[] => {
    const model = models.get(row.model_id);
    const name = `${row.provider}/${row.upstream_id}`;
    if (!model) return [];
    const own = (prices.get(name) ?? []).map((price): Price => ({ class: price.class, picoUsd: price.pico_usd, aboveTokens: price.above_tokens, validFromMs: price.valid_from }));
    return [{ provider: row.provider, upstreamId: row.upstream_id, name, model, prices: own, rates: ratesOf(own, atMs), pricedFromMs: chargedFromMs(own, model.kind), gift: isGift(row.upstream_id, model.kind, ratesOf(own, atMs)), ...(row.serves === 0 && { out: true as const }) }];
  });
  return {
    models,
    deployments,
    byModel: Map.groupBy(deployments, (deployment) => deployment.model.id),
    byName: new Map(deployments.map((deployment) => [deployment.name, deployment])),
    byUpstreamId: Map.groupBy(deployments, (deployment) => deployment.upstreamId),
    aliases: aliasesOf(rows),
  };
}

/** Aliases by `organisation/name`; one without a rule takes its targets in their order. */
function aliasesOf({ aliases, aliasRules }: Rows): Catalog["aliases"] {
  const keyOf = ({ organisation_id, name }: { organisation_id: string; name: string }): string => `${organisation_id}/${name}`;
  const rules = new Map(aliasRules.map((rule) => [keyOf(rule), rule]));
  return new Map([...Map.groupBy(aliases, keyOf)].map(([key, targets]): [string, Alias] => {
    const rule = rules.get(key);
    return [key, {
      pick: rule?.pick ?? "order", targets: targets.map(({ target, weight }) => ({ name: target, weight })),
      ...(rule?.hedges === 1 && { hedges: true }), ...(rule?.continues === 1 && { continues: true }),
    }];
  }));
}

function ratesOf(prices: readonly Price[], atMs: number): Rates | undefined {
  const input = listed(prices, "input", 0, atMs);
  if (input === undefined) return undefined;
  return { input, output: listed(prices, "output", 0, atMs) ?? 0, cachedInput: listed(prices, "cached_input", 0, atMs) ?? input, request: listed(prices, "request", 0, atMs) ?? 0 };
}

const withBits = (model: Omit<Model, "can" | "responsesOnly">): Model =>
  ({ ...model, can: capabilityBits(model.capabilities), responsesOnly: model.capabilities.includes("responses_only") });

const isGift = (upstreamId: string, kind: Model["kind"], rates: Rates | undefined): boolean =>
  upstreamId.endsWith(":free") || (rates !== undefined && (rates.input === 0 || (kind === "chat" && rates.output === 0)));
