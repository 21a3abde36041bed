/** Deployments as the operator has them, beside those of catalog.sql. Where a provider is and how it is called is no deployment's: its base URL and keys are the installation's. */
import { auditIfChanged, type By } from "../accounts/audit.ts";
import { GatewayError } from "../errors.ts";
import type { Price } from "../ledger/price.ts";
import type { DeploymentEdit } from "./edit-doubts.ts";
import { everyDeployment, type PriceRow } from "./rows.ts";

/** `published`: the model that it serves as catalog.sql has it; null = catalog.sql does not know it. `prices`: how many it has. */
export type ListedDeployment = DeploymentEdit & { edited: boolean; published: string | null; prices: number };

type Row = { provider: string; upstream_id: string; model_id: string; serves: number; edited: number; published: string | null; prices: number };

const columns = "d.*, (SELECT count(*) FROM prices p WHERE p.provider = d.provider AND p.upstream_id = d.upstream_id) AS prices";
const listed = ({ provider, upstream_id, model_id, serves, edited, published, prices }: Row): ListedDeployment =>
  ({ provider, upstreamId: upstream_id, model: model_id, serves: serves === 1, edited: edited === 1, published, prices });

/** Those of these models, by provider. */
export async function listDeployments(db: D1Database, models: readonly string[]): Promise<ListedDeployment[]> {
  const { results } = await db.prepare(`SELECT ${columns} FROM ${everyDeployment} d WHERE d.model_id IN (SELECT value FROM json_each(?)) ORDER BY d.provider, d.upstream_id`).bind(JSON.stringify(models)).all<Row>();
  return results.map(listed);
}

/** One deployment, or undefined. */
export async function findDeployment(db: D1Database, { provider, upstreamId }: Pick<DeploymentEdit, "provider" | "upstreamId">): Promise<ListedDeployment | undefined> {
  const row = await db.prepare(`SELECT ${columns} FROM ${everyDeployment} d WHERE d.provider = ? AND d.upstream_id = ?`).bind(provider, upstreamId).first<Row>();
  return row ? listed(row) : undefined;
}

/** What was ever written about what a deployment costs, whether or not there is one of that name now. */
export async function pricesWritten(db: D1Database, { provider, upstreamId }: Pick<DeploymentEdit, "provider" | "upstreamId">): Promise<Price[]> {
  const { results } = await db.prepare("SELECT class, above_tokens, valid_from, pico_usd FROM prices WHERE provider = ? AND upstream_id = ?").bind(provider, upstreamId).all<PriceRow>();
  return results.map((row) => ({ class: row.class, picoUsd: row.pico_usd, aboveTokens: row.above_tokens, validFromMs: row.valid_from }));
}

/** Makes a deployment so, whatever catalog.sql says now or later. */
export async function putDeployment(db: D1Database, by: By, { provider, upstreamId, model, serves }: DeploymentEdit, confirmed: boolean): Promise<void> {
  await db.batch([
    db.prepare("INSERT OR REPLACE INTO deployment_edits (provider, upstream_id, model_id, serves) VALUES (?, ?, ?, ?)").bind(provider, upstreamId, model, Number(serves)),
    auditIfChanged(db, by, { action: "deployment.put", subject: `${provider}/${upstreamId}`, detail: { model, serves, confirmed } }),
  ]);
}

/** Takes an edit back: the deployment is as catalog.sql has it, or gone where that does not have it. Throws `not_found` when there is no edit. */
export async function restoreDeployment(db: D1Database, by: By, { provider, upstreamId }: Pick<DeploymentEdit, "provider" | "upstreamId">, confirmed: boolean): Promise<void> {
  const [removal] = await db.batch([
    db.prepare("DELETE FROM deployment_edits WHERE provider = ? AND upstream_id = ?").bind(provider, upstreamId),
    auditIfChanged(db, by, { action: "deployment.restore", subject: `${provider}/${upstreamId}`, detail: { confirmed } }),
  ]);
  if (removal!.meta.changes === 0) throw new GatewayError("not_found", `Nobody has edited a deployment ${provider}/${upstreamId}.`, { param: "upstreamId" });
}
