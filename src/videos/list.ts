/** Which films an organisation has: ids in D1, in the order in which they were asked for. What each is its object knows. */

export type ListQuestion = { readonly after: string | undefined; readonly limit: number; readonly order: "asc" | "desc" };

export class VideoList {
  private readonly db: D1Database;

  constructor(db: D1Database) {
    this.db = db;
  }

  async add(organisationId: string, id: string, createdAtMs: number): Promise<void> {
    await this.db.prepare("INSERT INTO videos (organisation_id, id, created_at) VALUES (?, ?, ?) ON CONFLICT (organisation_id, id) DO NOTHING").bind(organisationId, id, createdAtMs).run();
  }

  async drop(organisationId: string, id: string): Promise<void> {
    await this.db.prepare("DELETE FROM videos WHERE organisation_id = ? AND id = ?").bind(organisationId, id).run();
  }

  /** One more than `limit`, where there are more. What stands at `after` must be there. */
  async page(organisationId: string, { after, limit, order }: ListQuestion): Promise<string[]> {
    const [sign, direction] = order === "asc" ? [">", "ASC"] : ["<", "DESC"];
    const { results } = await this.db.prepare(`
      SELECT id FROM videos WHERE organisation_id = ?1 AND (?2 IS NULL OR (created_at, id) ${sign} (SELECT created_at, id FROM videos WHERE organisation_id = ?1 AND id = ?2))
      ORDER BY created_at ${direction}, id ${direction} LIMIT ?3`,
    ).bind(organisationId, after ?? null, limit + 1).all<{ id: string }>();
    return results.map(({ id }) => id);
  }
}

/** Films of every organisation, the newest first. */
export async function newestVideos(db: D1Database, limit: number): Promise<{ id: string; organisationId: string; createdAtMs: number }[]> {
  const { results } = await db.prepare("SELECT id, organisation_id AS organisationId, created_at AS createdAtMs FROM videos ORDER BY created_at DESC, id LIMIT ?")
    .bind(limit).all<{ id: string; organisationId: string; createdAtMs: number }>();
  return results;
}
