/**
 * What is used of Stripe's package. Its own types bring all of Node's globals into every file, where a Worker has none;
 * `npm run test:stripe` is type-checked against them.
 */
export type Metadata = Record<string, string>;

/** https://docs.stripe.com/api/checkout/sessions/create. `unit_amount`: cents. */
export type SessionParams = {
  mode: "payment";
  customer: string;
  saved_payment_method_options: { payment_method_save: "enabled" };
  client_reference_id: string;
  metadata: Metadata;
  payment_intent_data: { metadata: Metadata };
  line_items: { quantity: number; price_data: { currency: "usd"; unit_amount: number; product_data: { name: string } } }[];
  adaptive_pricing: { enabled: boolean };
  success_url: string;
  cancel_url: string;
};

/** `expires_at`: Unix seconds. */
export type OpenedSession = { id: string; url: string | null; expires_at: number };

export type Stripe = {
  customers: {
    create(params: { metadata: Metadata }, options: { idempotencyKey: string }): Promise<{ id: string }>;
    retrieve(id: string): Promise<{ deleted?: boolean | void }>;
  };
  billingPortal: { sessions: { create(params: { customer: string; return_url: string }): Promise<{ url: string }> } };
  checkout: { sessions: { create(params: SessionParams, options: { idempotencyKey?: string }): Promise<OpenedSession> } };
  paymentIntents: { retrieve(id: string): Promise<{ metadata: Metadata }> };
  refunds: { list(params: { payment_intent: string; limit: number }): { autoPagingToArray(options: { limit: number }): Promise<unknown[]> } };
  webhooks: { constructEventAsync(body: string, signature: string, secret: string, toleranceSeconds: number): Promise<unknown> };
};

type Options = { timeout: number; maxNetworkRetries: number; telemetry: boolean };

export type StripePackage = { Stripe: new (secretKey: string, options: Options) => Stripe };
