/** Prices as administrators write them, beside those of catalog.sql. A row is never changed: a new price is a row of its own from its day on. */
import { auditIfChanged, type By } from "../accounts/audit.ts";
import { GatewayError } from "../errors.ts";
import { doubtsAbout, isPrice, spoken } from "../ledger/plausible.ts";
import { inForce, type Price } from "../ledger/price.ts";
import { everyDeployment } from "./rows.ts";

/** One row. `model`: public name; `source`: where the figure comes from. */
export type ListedPrice = Price & { provider: string; upstreamId: string; model: string; source: string; inForce: boolean };

export type PriceEdit = Price & { provider: string; upstreamId: string; source: string };

export type PriceOf = Pick<PriceEdit, "provider" | "upstreamId" | "class" | "aboveTokens" | "validFromMs">;

/** What an edit's source begins with: rows of catalog.sql leave a class alone that was edited (scripts/catalog.ts). */
const editSource = "admin: ";

type Row = { provider: string; upstream_id: string; model_id: string; class: Price["class"]; above_tokens: number; valid_from: number; pico_usd: number; source: string };

const everyPrice = `
  SELECT d.provider, d.upstream_id, d.model_id, class, above_tokens, valid_from, pico_usd, source
  FROM ${everyDeployment} d LEFT JOIN prices p ON p.provider = d.provider AND p.upstream_id = d.upstream_id`;
const newestFirst = "ORDER BY d.provider, d.upstream_id, class, above_tokens, valid_from DESC";

/** Every price that a model has or had, under any of its names, newest first. Throws `not_found` when nobody serves it. */
export const listPrices = (db: D1Database, model: string, nowMs: number): Promise<ListedPrice[]> =>
  listed(db.prepare(`${everyPrice} WHERE d.model_id = ?1 OR d.upstream_id = ?1 OR d.provider || '/' || d.upstream_id = ?1 ${newestFirst}`).bind(model), model, nowMs);

/** Those of one deployment. Throws `not_found`. */
export const pricesOf = (db: D1Database, { provider, upstreamId }: Pick<PriceEdit, "provider" | "upstreamId">, nowMs: number): Promise<ListedPrice[]> =>
  listed(db.prepare(`${everyPrice} WHERE d.provider = ?1 AND d.upstream_id = ?2 ${newestFirst}`).bind(provider, upstreamId), `${provider}/${upstreamId}`, nowMs);

async function listed(query: D1PreparedStatement, name: string, nowMs: number): Promise<ListedPrice[]> {
  const { results } = await query.all<Row>();
  if (results.length === 0) throw new GatewayError("not_found", `Nobody serves a model ${JSON.stringify(name)}.`, { param: "model" });
  const deployments = Map.groupBy(results.filter((row) => row.class !== null), (row) => JSON.stringify([row.provider, row.upstream_id]));
  return [...deployments.values()].flatMap((rows) => {
    const prices = rows.map((row): Price => ({ class: row.class, picoUsd: row.pico_usd, aboveTokens: row.above_tokens, validFromMs: row.valid_from }));
    return rows.map((row, index) => ({
      provider: row.provider, upstreamId: row.upstream_id, model: row.model_id, source: row.source, ...prices[index]!, inForce: inForce(prices[index]!, prices, nowMs),
    }));
  });
}

/** What administrators wrote, the latest to hold first. */
export async function listPriceEdits(db: D1Database, limit: number): Promise<(PriceEdit & { model: string })[]> {
  const { results } = await db.prepare(`${everyPrice} WHERE substr(source, 1, ?1) = ?2 ORDER BY valid_from DESC, d.provider, d.upstream_id, class LIMIT ?3`).bind(editSource.length, editSource, limit).all<Row>();
  return results.map((row) => ({ provider: row.provider, upstreamId: row.upstream_id, model: row.model_id, class: row.class, picoUsd: row.pico_usd, aboveTokens: row.above_tokens, validFromMs: row.valid_from, source: row.source }));
}

/** Whether a price was written by an administrator. */
export const isEdit = ({ source }: Pick<PriceEdit, "source">): boolean => source.startsWith(editSource);

/** What speaks against an edit beside what its deployment costs; nothing when it is plausible. Throws `not_found`. */
export const priceDoubts = async (db: D1Database, edit: PriceEdit, nowMs: number): Promise<string[]> => doubtsAbout(edit, await pricesOf(db, edit, nowMs));

/**
 * Takes back an edit that nobody was charged by: one that holds from `fromMs` on or later, behind which every isolate has read the prices anew.
 * Throws `conflict` for one that holds earlier, `not_found`.
 */
export async function withdrawPrice(db: D1Database, by: By, { provider, upstreamId, class: of, aboveTokens, validFromMs }: PriceOf, fromMs: number): Promise<void> {
  const which = "provider = ?1 AND upstream_id = ?2 AND class = ?3 AND above_tokens = ?4 AND valid_from = ?5 AND substr(source, 1, ?6) = ?7";
  const values = [provider, upstreamId, of, aboveTokens, validFromMs, editSource.length, editSource];
  const [removal, , left] = await db.batch([
    db.prepare(`DELETE FROM prices WHERE ${which} AND valid_from >= ?8`).bind(...values, fromMs),
    auditIfChanged(db, by, { action: "price.withdraw", subject: `${provider}/${upstreamId}`, detail: { class: of, aboveTokens, validFromMs } }),
    db.prepare(`SELECT 1 FROM prices WHERE ${which}`).bind(...values),
  ]);
  if (removal!.meta.changes > 0) return;
  if (left!.results.length > 0) throw new GatewayError("conflict", "This price holds already, or within minutes: what was charged stays as it was. Write the one that shall hold from now on.");
  throw new GatewayError("not_found", "There is no such edit.");
}

/**
 * Adds a price. Throws `invalid_request` for one that cannot be, or that would be of the past; `conflict`, with the figures, for one that
 * is likely a slip unless it is `confirmed`; `not_found` when the provider does not serve that.
 */
export async function putPrice(db: D1Database, by: By, edit: PriceEdit, confirmed: boolean): Promise<void> {
  const { provider, upstreamId, class: of, picoUsd, aboveTokens, validFromMs, source } = edit;
  if (!isPrice(of, picoUsd)) throw new GatewayError("invalid_request", `${of} cannot cost ${spoken(of, picoUsd)}.`, { param: "picoUsd" });
  if (validFromMs < by.nowMs) throw new GatewayError("invalid_request", "validFrom: must not be in the past: what was charged stays as it was", { param: "validFrom" });
  const name = `${provider}/${upstreamId}`;
  const found = await priceDoubts(db, edit, by.nowMs);
  const doubts = confirmed ? [] : found;
  if (doubts.length > 0) throw new GatewayError("conflict", `${name}: ${doubts.join("; ")}. Send "confirm": true if that is meant.`, { param: "picoUsd" });
  const [insertion] = await db.batch([
    db.prepare(`
      INSERT OR IGNORE INTO prices (provider, upstream_id, class, above_tokens, valid_from, pico_usd, source)
      VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)`,
    ).bind(provider, upstreamId, of, aboveTokens, validFromMs, picoUsd, editSource + source),
    auditIfChanged(db, by, { action: "price.put", subject: name, detail: { class: of, aboveTokens, picoUsd, validFromMs, source, confirmed } }),
  ]);
  if (insertion!.meta.changes > 0) return;
  throw new GatewayError("conflict", `${name} has a price of ${of} from that very millisecond on. Send it again with another validFrom.`, { param: "validFrom" });
}
