/** Whose own batches are used is told twice: that there is a way to them by a provider's row, that they are cheaper by the catalog. Neither is of use without the other. */
import { readFileSync } from "node:fs";
import { DatabaseSync } from "node:sqlite";
import { expect, test } from "vitest";
import { isCheaperInBatches, type Price } from "../../src/ledger/price.ts";
import { providers } from "../../src/providers/index.ts";

/** Whose batches are cheaper, and are not used: why. */
const unused: Readonly<Record<string, string>> = {
  vertex: "its batches read and write only what the customer has in Cloud Storage or BigQuery: there is nothing for a gateway to hand over or to read",
};

const db = new DatabaseSync(":memory:");
for (const file of ["schema.sql", "src/catalog/catalog.sql"]) db.exec(readFileSync(new URL(`../../${file}`, import.meta.url), "utf8"));
const rows = db.prepare("SELECT provider, upstream_id upstreamId, class, pico_usd picoUsd, above_tokens aboveTokens, valid_from validFromMs FROM prices").all() as (Price & { provider: string; upstreamId: string })[];
const asOfMs = Date.parse("2026-11-22");
const cheaper = new Set([...Map.groupBy(rows, ({ provider, upstreamId }) => `${provider} ${upstreamId}`)].filter(([, prices]) => isCheaperInBatches(prices, asOfMs)).map(([, [first]]) => first!.provider));

test("every provider whose batches are used has models that are cheaper in them", () => {
  expect(providers.filter(({ id, batches }) => batches && !cheaper.has(id)).map(({ id }) => id)).toEqual([]);
});

test("every provider that is cheaper in batches has its batches used, or there is a reason why not", () => {
  const used = new Set(providers.filter(({ batches }) => batches).map(({ id }) => id));
  expect([...cheaper].filter((id) => !used.has(id)).sort()).toEqual(Object.keys(unused).sort());
});
