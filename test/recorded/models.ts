/** What the catalog knows of recorded models. */
import { readFileSync } from "node:fs";
import { DatabaseSync } from "node:sqlite";

export type Window = { contextTokens: number | undefined; maxOutputTokens: number | undefined };

/** Reads the catalog. A model is looked up as its provider's, or else by its name alone. */
export function models(): (provider: string, name: string) => Window {
  const db = new DatabaseSync(":memory:");
  for (const file of ["schema.sql", "src/catalog/catalog.sql"]) db.exec(readFileSync(new URL(`../../${file}`, import.meta.url), "utf8"));
  const find = db.prepare(`SELECT context_tokens, max_output_tokens FROM models WHERE id = (SELECT model_id FROM deployments WHERE provider = ?1 AND upstream_id = ?2)
    UNION ALL SELECT context_tokens, max_output_tokens FROM models WHERE id = ?2`);
  return (provider, name) => {
    const row = find.get(provider, name) as { context_tokens: number | null; max_output_tokens: number | null } | undefined;
    return { contextTokens: row?.context_tokens ?? undefined, maxOutputTokens: row?.max_output_tokens ?? undefined };
  };
}
