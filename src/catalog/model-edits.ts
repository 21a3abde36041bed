/** Models as the operator has them, beside those of catalog.sql: an edit is a whole row of its own, which counts until it is taken back. */
import { auditIfChanged, type By } from "../accounts/audit.ts";
import { GatewayError } from "../errors.ts";
import type { ModelFacts } from "./edit-doubts.ts";
import { listDeployments, type ListedDeployment } from "./deployment-edits.ts";
import { everyModel, type ModelRow } from "./rows.ts";

/** `published`: as catalog.sql has it, where it has it and an edit counts instead; `ours`: catalog.sql knows no such model. */
export type ListedModel = { model: ModelFacts; edited: boolean; ours: boolean; published: ModelFacts | undefined; deployments: readonly ListedDeployment[] };

const factsOf = (row: ModelRow): ModelFacts => ({
  id: row.id, owner: row.owner, kind: row.kind,
  inputModalities: JSON.parse(row.input_modalities) as string[], outputModalities: JSON.parse(row.output_modalities) as string[], capabilities: JSON.parse(row.capabilities) as string[],
  contextTokens: row.context_tokens, maxOutputTokens: row.max_output_tokens, releasedAt: row.released_at,
});

/** Whether two say the same. */
export const sameFacts = (a: ModelFacts, b: ModelFacts): boolean => (Object.keys(a) as (keyof ModelFacts)[]).every((fact) => JSON.stringify(a[fact]) === JSON.stringify(b[fact]));

type Asked = { limit: number; after?: string | undefined; search?: string | undefined; id?: string | undefined; edited?: boolean | undefined };

/** Models by id, behind `after`: those whose id or maker has `search` in it, or the one of this `id`; `edited`: only those that the operator wrote. */
export async function listModels(db: D1Database, { limit, after = "", search, id, edited }: Asked): Promise<ListedModel[]> {
  const { results } = await db.prepare(`
    SELECT * FROM ${everyModel} WHERE id > ?1 AND (?2 IS NULL OR instr(lower(id || ' ' || owner), ?2) > 0) AND (?3 IS NULL OR id = ?3) AND (?4 = 0 OR edited = 1) ORDER BY id LIMIT ?5`,
  ).bind(after, search?.toLowerCase() ?? null, id ?? null, Number(edited === true), limit).all<ModelRow & { edited: number }>();
  const ids = results.map((row) => row.id);
  const [deployments, published] = await Promise.all([
    listDeployments(db, ids),
    db.prepare("SELECT * FROM models WHERE id IN (SELECT value FROM json_each(?))").bind(JSON.stringify(results.filter((row) => row.edited === 1).map((row) => row.id))).all<ModelRow>(),
  ]);
  const byModel = Map.groupBy(deployments, ({ model }) => model);
  return results.map((row) => {
    const other = published.results.find((one) => one.id === row.id);
    return { model: factsOf(row), edited: row.edited === 1, ours: row.edited === 1 && !other, published: other && factsOf(other), deployments: byModel.get(row.id) ?? [] };
  });
}

/** One model. Throws `not_found`. */
export async function getModel(db: D1Database, id: string): Promise<ListedModel> {
  const [found] = await listModels(db, { limit: 1, id });
  if (!found) throw new GatewayError("not_found", `There is no model ${JSON.stringify(id)} in the catalog.`, { param: "model" });
  return found;
}

/** Makes a model so, whatever catalog.sql says now or later. Nothing happens to one that is so already. */
export async function putModel(db: D1Database, by: By, { id, owner, kind, inputModalities, outputModalities, capabilities, contextTokens, maxOutputTokens, releasedAt }: ModelFacts, confirmed: boolean): Promise<void> {
  const lists = { inputModalities, outputModalities, capabilities };
  await db.batch([
    db.prepare("INSERT OR REPLACE INTO model_edits (id, owner, kind, input_modalities, output_modalities, capabilities, context_tokens, max_output_tokens, released_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)")
      .bind(id, owner, kind, ...Object.values(lists).map((list) => JSON.stringify(list)), contextTokens, maxOutputTokens, releasedAt),
    auditIfChanged(db, by, { action: "model.put", subject: id, detail: { owner, kind, ...lists, contextTokens, maxOutputTokens, releasedAtMs: releasedAt, confirmed } }),
  ]);
}

/**
 * Takes an edit back: the model is as catalog.sql has it, or gone where that does not have it. Throws `not_found` when there is no edit, `conflict`
 * for one that would be gone and has deployments.
 */
export async function restoreModel(db: D1Database, by: By, id: string): Promise<void> {
  const stays = `EXISTS (SELECT 1 FROM models WHERE id = ?1) OR NOT EXISTS (SELECT 1 FROM deployments WHERE model_id = ?1 UNION ALL SELECT 1 FROM deployment_edits WHERE model_id = ?1)`;
  const [removal, , left] = await db.batch([
    db.prepare(`DELETE FROM model_edits WHERE id = ?1 AND (${stays})`).bind(id),
    auditIfChanged(db, by, { action: "model.restore", subject: id }),
    db.prepare("SELECT 1 FROM model_edits WHERE id = ?").bind(id),
  ]);
  if (removal!.meta.changes > 0) return;
  if (left!.results.length > 0) throw new GatewayError("conflict", `${id} has deployments: remove them, or let them serve another model, first.`);
  throw new GatewayError("not_found", `Nobody has edited a model ${JSON.stringify(id)}.`, { param: "model" });
}
