/** Who asks to use this gateway, where sign-up is by approval. */
import { auditIfChanged, type By } from "./audit.ts";
import { GatewayError } from "../errors.ts";

export const applicationStates = ["waiting", "approved", "declined"] as const;
export type ApplicationState = (typeof applicationStates)[number];
export type Application = { email: string; name: string; reason: string; state: ApplicationState; createdAtMs: number; decidedAtMs: number | null };

type Row = { email: string; name: string; reason: string; state: ApplicationState; created_at: number; decided_at: number | null };

const applicationOf = ({ created_at, decided_at, ...row }: Row): Application => ({ ...row, createdAtMs: created_at, decidedAtMs: decided_at });

/** One person's application. */
export async function getApplication(db: D1Database, email: string): Promise<Application | undefined> {
  const row = await db.prepare("SELECT * FROM applications WHERE email = ?").bind(email).first<Row>();
  return row ? applicationOf(row) : undefined;
}

/** Applications, oldest first. */
export async function listApplications(db: D1Database, state: ApplicationState): Promise<Application[]> {
  const { results } = await db.prepare("SELECT * FROM applications WHERE state = ? ORDER BY created_at, email LIMIT 1000").bind(state).all<Row>();
  return results.map(applicationOf);
}

/** What was decided, the latest first. */
export async function decidedApplications(db: D1Database, limit: number): Promise<Application[]> {
  const { results } = await db.prepare("SELECT * FROM applications WHERE state IN ('approved', 'declined') ORDER BY decided_at DESC, email LIMIT ?").bind(limit).all<Row>();
  return results.map(applicationOf);
}

/** Applies; a second time changes the reason while nobody has decided. */
export async function apply(db: D1Database, by: By, { email, name, reason }: Pick<Application, "email" | "name" | "reason">): Promise<void> {
  await db.prepare(`
    INSERT INTO applications (email, name, reason, state, created_at) VALUES (?1, ?2, ?3, 'waiting', ?4)
    ON CONFLICT (email) DO UPDATE SET name = excluded.name, reason = excluded.reason WHERE state = 'waiting'`,
  ).bind(email, name, reason, by.nowMs).run();
}

/** Approves or declines, also what was decided otherwise before. Throws `not_found`. */
export async function decide(db: D1Database, by: By, email: string, state: "approved" | "declined"): Promise<Application> {
  const [update] = await db.batch<Row>([
    db.prepare("UPDATE applications SET state = ?2, decided_at = ?3 WHERE email = ?1 RETURNING *").bind(email, state, by.nowMs),
    auditIfChanged(db, by, { action: "application.decide", subject: email, detail: { state } }),
  ]);
  const row = update!.results[0];
  if (!row) throw new GatewayError("not_found", `'${email}' has not applied.`);
  return applicationOf(row);
}
