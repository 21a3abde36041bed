/** What can be called and what it costs: read from D1 as a whole, held in the isolate, never asked on the hot path. */
import type { Price } from "../ledger/price.ts";
import { doubtAbout } from "./doubt.ts";
import { sound, type AliasRow, type DeploymentRow, type ModelRow, type PriceRow } from "./rows.ts";

export type Model = {
  readonly id: string;
  readonly owner: string;
  readonly kind: "chat" | "embedding";
  readonly inputModalities: readonly string[];
  readonly outputModalities: readonly string[];
  readonly capabilities: readonly string[];
  readonly contextTokens: number | null;
  readonly maxOutputTokens: number | null;
  readonly releasedAt: number | null;
};

/** A model as one provider serves it. */
export type Deployment = { readonly provider: string; readonly upstreamId: string; readonly model: Model; readonly prices: readonly Price[] };

export type Catalog = {
  readonly models: ReadonlyMap<string, Model>;
  /** Model id → its deployments. */
  readonly byModel: ReadonlyMap<string, readonly Deployment[]>;
  /** `provider/upstream id` → deployment. */
  readonly byName: ReadonlyMap<string, Deployment>;
  /** Upstream id → deployments that carry it, for ids such as `meta-llama/llama-3.1-70b`. */
  readonly byUpstreamId: ReadonlyMap<string, readonly Deployment[]>;
  /** `organisation/alias` → targets in order; organisation '' is everyone. */
  readonly aliases: ReadonlyMap<string, readonly string[]>;
};

/** Reads the whole catalog in one round trip. Throws, for the last good one to stay, when it is malformed or cannot be meant beside that one. */
export async function loadCatalog(db: D1Database, last?: Catalog, report: (problem: string) => void = () => {}): Promise<Catalog> {
  const [models, deployments, prices, aliases] = await db.batch([
    db.prepare("SELECT * FROM models"),
    db.prepare("SELECT * FROM deployments"),
    db.prepare("SELECT provider, upstream_id, class, above_tokens, valid_from, pico_usd FROM prices"),
    db.prepare("SELECT organisation_id, name, target FROM aliases ORDER BY organisation_id, name, position"),
  ]);
  const { rows, faults } = sound({
    models: models!.results as ModelRow[], deployments: deployments!.results as DeploymentRow[], prices: prices!.results as PriceRow[], aliases: aliases!.results as AliasRow[],
  });
  const problem = faults.length > 0 ? `${faults.length} malformed rows, such as ${faults[0]}` : undefined;
  if (problem && last) throw new Error(problem);
  if (problem) report(`${problem}: left out`);
  const catalog = buildCatalog(rows.models, rows.deployments, rows.prices, rows.aliases);
  const doubt = last && doubtAbout(catalog, last);
  if (doubt) throw new Error(doubt);
  return catalog;
}

/** Joins the rows. Deployments of unknown models are left out. */
export function buildCatalog(modelRows: ModelRow[], deploymentRows: DeploymentRow[], priceRows: PriceRow[], aliasRows: AliasRow[]): Catalog {
  const models = new Map<string, Model>(modelRows.map((row) => [row.id, {
    id: row.id, owner: row.owner, kind: row.kind,
    inputModalities: JSON.parse(row.input_modalities) as string[],
    outputModalities: JSON.parse(row.output_modalities) as string[],
    capabilities: JSON.parse(row.capabilities) as string[],
    contextTokens: row.context_tokens, maxOutputTokens: row.max_output_tokens, releasedAt: row.released_at,
  }]));
  const prices = Map.groupBy(priceRows, (row) => `${row.provider}/${row.upstream_id}`);
  const deployments = deploymentRows.flatMap((row): Deployment[] => {
    const model = models.get(row.model_id);
    const own = prices.get(`${row.provider}/${row.upstream_id}`) ?? [];
    return model ? [{
      provider: row.provider, upstreamId: row.upstream_id, model,
      prices: own.map((price) => ({ class: price.class, picoUsd: price.pico_usd, aboveTokens: price.above_tokens, validFromMs: price.valid_from })),
    }] : [];
  });
  return {
    models,
    byModel: Map.groupBy(deployments, (deployment) => deployment.model.id),
    byName: new Map(deployments.map((deployment) => [`${deployment.provider}/${deployment.upstreamId}`, deployment])),
    byUpstreamId: Map.groupBy(deployments, (deployment) => deployment.upstreamId),
    aliases: new Map([...Map.groupBy(aliasRows, (row) => `${row.organisation_id}/${row.name}`)].map(([name, rows]) => [name, rows.map((row) => row.target)])),
  };
}
