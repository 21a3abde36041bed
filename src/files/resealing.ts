/** The master secret was changed: keys of files that the previous one sealed are sealed anew. Their bytes stay as they are. */
import { fingerprintOf } from "../accounts/credentials.ts";
import { log } from "../telemetry/index.ts";
import type { FileKeys } from "./cipher.ts";

/** Rows in one page, and pages in one call: an invocation has 50 statements on the smallest plan, of which credentials take most. */
const pageRows = 100;
const mostPages = 7;

type Row = { id: string; organisation_id: string; file_id: string; seal: string };

/** Both tables hold such keys: an upload's is that of the file it will be. */
const tables = [{ name: "files", fileId: "id" }, { name: "uploads", fileId: "file_id" }] as const;

/** Seals keys of files and uploads anew that are not under `current`. `left`: as `resealCredentials` has it; each call begins where there is something to do. */
export async function resealFiles(db: D1Database, keys: FileKeys, current: string): Promise<{ resealed: number; left: number }> {
  const sealedBy = await fingerprintOf(current);
  const otherwise = "seal ->> 'sealedBy' IS NOT ?1";
  let [resealed, left, pages] = [0, 0, 0];
  for (const { name, fileId } of tables) {
    for (let after = ""; pages < mostPages; pages += 1) {
      const { results } = await db.prepare(`SELECT id, organisation_id, ${fileId} AS file_id, seal FROM ${name} WHERE ${otherwise} AND id > ?2 ORDER BY id LIMIT ?3`).bind(sealedBy, after, pageRows).all<Row>();
      const anew = (await Promise.all(results.map((row) => reseal(keys, row)))).filter((row) => row !== undefined);
      // A row changes only while it holds what was read.
      const { meta } = await db.prepare(`UPDATE ${name} AS t SET seal = n.value ->> 'seal' FROM json_each(?1) AS n WHERE t.id = n.value ->> 'id' AND t.seal = n.value ->> 'was'`).bind(JSON.stringify(anew)).run();
      resealed += meta.changes;
      if (results.length < pageRows) break;
      after = results.at(-1)!.id;
    }
    left += (await db.prepare(`SELECT count(*) AS n FROM ${name} WHERE ${otherwise}`).bind(sealedBy).first<number>("n")) ?? 0;
  }
  return { resealed, left };
}

async function reseal(keys: FileKeys, { id, organisation_id: organisationId, file_id, seal }: Row): Promise<{ id: string; was: string; seal: string } | undefined> {
  const owner = { organisationId, id: file_id };
  try {
    return { id, was: seal, seal: await keys.sealed(owner, await keys.open(owner, seal)) };
  } catch {
    log("error", "file_key_not_opened", owner);
    return undefined;
  }
}
