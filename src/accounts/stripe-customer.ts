/** Which customer of Stripe's an organisation is: one, whoever asks first. */
import { auditIfChanged, type By } from "./audit.ts";

/** Its id at Stripe, once there is one. */
export async function stripeCustomerOf(db: D1Database, organisationId: string): Promise<string | undefined> {
  return (await db.prepare("SELECT stripe_customer FROM accounts WHERE organisation_id = ?").bind(organisationId).first<string | null>("stripe_customer")) ?? undefined;
}

/** Writes it down in the place of `instead`. Returns the one that is written down: another's, where that was faster. */
export async function keepStripeCustomer(db: D1Database, by: By, organisationId: string, customer: string, instead: string | undefined): Promise<string> {
  await db.batch([
    db.prepare(`
      INSERT INTO accounts (organisation_id, stripe_customer) SELECT ?1, ?2 WHERE EXISTS (SELECT 1 FROM organisations WHERE id = ?1)
      ON CONFLICT (organisation_id) DO UPDATE SET stripe_customer = excluded.stripe_customer WHERE stripe_customer IS ?3 AND stripe_customer IS NOT excluded.stripe_customer`,
    ).bind(organisationId, customer, instead ?? null),
    auditIfChanged(db, by, { action: "account.update", subject: organisationId, organisationId, detail: { stripeCustomer: customer } }),
  ]);
  return (await stripeCustomerOf(db, organisationId)) ?? customer;
}
