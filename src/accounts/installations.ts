/** Installations of Atlassian apps: each is a key of its own, with limits of its own, that its app may speak for. */
import { RecentMap } from "./recent-map.ts";

/** So long a key is known to stand for an installation. That it was revoked its object knows at once. */
const freshMs = 60_000;

/** Which key stands for an installation. One per isolate. */
export class Installations {
  private readonly db: D1Database;
  private readonly known = new RecentMap<{ keyId: string | undefined; untilMs: number }>(10_000);

  constructor(db: D1Database) {
    this.db = db;
  }

  /** The id of the newest key of an organisation that stands for an installation; undefined: none does. */
  async keyOf(organisationId: string, installation: string, nowMs: number): Promise<string | undefined> {
    const name = `${organisationId} ${installation}`;
    const known = this.known.get(name);
    if (known && nowMs < known.untilMs) return known.keyId;
    const row = await this.db.prepare(`
      SELECT id FROM api_keys WHERE organisation_id = ? AND revoked_at IS NULL AND json_extract(policy, '$.installation') = ? ORDER BY created_at DESC, id DESC LIMIT 1`,
    ).bind(organisationId, installation).first<{ id: string }>();
    this.known.set(name, { keyId: row?.id, untilMs: nowMs + freshMs });
    return row?.id;
  }
}
