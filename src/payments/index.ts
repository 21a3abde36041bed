/**
 * Money from outside: Stripe sells credits, and what it says of its payments becomes entries of the credit ledger. Does not belong
 * here: the ledger itself and who may spend (limits), URLs (routes). Imports: errors, telemetry, the ledger's words as types.
 */
export { openCheckout, type Wish } from "./checkout.ts";
export { customerOf, openPortal, type Customers } from "./customer.ts";
export { readEvent } from "./event.ts";
export { movementOf, type Movement } from "./movements.ts";
export { stripeOf, type StripeKeys } from "./stripe.ts";
export type { StripePackage } from "./surface.ts";
