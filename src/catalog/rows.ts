/** The catalog's rows as D1 has them, and what can be wrong with one. */
import { isPrice } from "../ledger/plausible.ts";
import type { Price } from "../ledger/price.ts";

/** How the order among an alias's targets is found: as they are listed, by price, by the wait for a first token, by tokens per second, or by chance as their weights have it. */
export const picks = ["order", "cheapest", "fastest", "throughput", "weighted"] as const;
export type PickBy = (typeof picks)[number];

/** What models are for. */
export const modelKinds = ["chat", "embedding", "rerank", "moderation", "speech", "transcription", "image", "video"] as const;
export type ModelKind = (typeof modelKinds)[number];

export type ModelRow = {
  id: string; owner: string; kind: ModelKind; input_modalities: string; output_modalities: string; capabilities: string;
  context_tokens: number | null; max_output_tokens: number | null; released_at: number | null;
};
export type DeploymentRow = { provider: string; upstream_id: string; model_id: string; /** 0: taken out. */ serves?: number };
export type PriceRow = { provider: string; upstream_id: string; class: Price["class"]; above_tokens: number; valid_from: number; pico_usd: number };
export type AliasRow = { organisation_id: string; name: string; target: string; weight: number };
export type AliasRuleRow = { organisation_id: string; name: string; pick: PickBy; hedges: number; continues: number };
export type Rows = { models: ModelRow[]; deployments: DeploymentRow[]; prices: PriceRow[]; aliases: AliasRow[]; aliasRules: AliasRuleRow[] };

const modelColumns = "id, owner, kind, input_modalities, output_modalities, capabilities, context_tokens, max_output_tokens, released_at";

/** Models as they count: the operator's before the published ones. `edited`: 1 = the operator's. */
export const everyModel = `(SELECT ${modelColumns}, 1 AS edited FROM model_edits UNION ALL SELECT ${modelColumns}, 0 FROM models WHERE id NOT IN (SELECT id FROM model_edits))`;

/** Deployments, likewise. `published`: the model that it serves as published; null = it is the operator's own. */
export const everyDeployment = `(
  SELECT e.provider, e.upstream_id, e.model_id, e.serves, 1 AS edited, d.model_id AS published
  FROM deployment_edits e LEFT JOIN deployments d ON d.provider = e.provider AND d.upstream_id = e.upstream_id
  UNION ALL SELECT d.provider, d.upstream_id, d.model_id, 1, 0, d.model_id FROM deployments d
  WHERE NOT EXISTS (SELECT 1 FROM deployment_edits e WHERE e.provider = d.provider AND e.upstream_id = d.upstream_id))`;

const isName = (value: unknown): boolean => typeof value === "string" && value !== "";
const isCount = (value: unknown): boolean => Number.isSafeInteger(value) && (value as number) >= 0;
const isCountOrNothing = (value: unknown): boolean => value === null || isCount(value);

/** JSON of a list of words. */
function isWords(value: unknown): boolean {
  try {
    const words: unknown = JSON.parse(value as string);
    return Array.isArray(words) && words.every(isName);
  } catch {
    return false;
  }
}

const checks: { [T in keyof Rows]: (row: Rows[T][number]) => boolean } = {
  models: (row) => isName(row.id) && modelKinds.includes(row.kind) && [row.input_modalities, row.output_modalities, row.capabilities].every(isWords)
    && isCountOrNothing(row.context_tokens) && isCountOrNothing(row.max_output_tokens),
  deployments: (row) => [row.provider, row.upstream_id, row.model_id].every(isName),
  prices: (row) => [row.provider, row.upstream_id, row.class].every(isName) && isCount(row.above_tokens) && isCount(row.valid_from) && isPrice(row.class, row.pico_usd),
  aliases: (row) => [row.name, row.target].every(isName) && isCount(row.weight),
  aliasRules: (row) => isName(row.name) && picks.includes(row.pick),
};

/** The rows that can be used, and of the others what they are, as text. */
export function sound(rows: Rows): { rows: Rows; faults: string[] } {
  const faults: string[] = [];
  const kept = Object.fromEntries((Object.keys(checks) as (keyof Rows)[]).map((table) => [table, (rows[table] as never[]).filter((row) => {
    const isSound = (checks[table] as (row: never) => boolean)(row);
    if (!isSound) faults.push(`${table} ${JSON.stringify(row).slice(0, 300)}`);
    return isSound;
  })])) as unknown as Rows;
  return { rows: kept, faults };
}
