/**
 * How a request wants to be routed, in OpenRouter's words for it: https://openrouter.ai/docs/features/provider-routing. Providers are
 * named by their id, their name, or what OpenRouter calls them.
 */
export type RoutingWish = {
  /** Names that may be tried after `model`, in order. */
  readonly models: readonly string[];
  /** Names one conversation. */
  readonly session?: string;
  readonly order?: readonly string[];
  readonly only?: readonly string[];
  readonly ignore?: readonly string[];
  /** false: the first choice, or those of `order`, and no other. */
  readonly allowFallbacks: boolean;
  /** Only who takes everything that the request asks. */
  readonly requireParameters: boolean;
  /** Nobody who may train on it, and nobody who keeps any of it. */
  readonly noTraining: boolean;
  readonly zeroRetention: boolean;
  readonly quantizations?: readonly string[];
  readonly sort?: "price" | "throughput" | "latency";
  /** USD: a million tokens of prompt or completion, one request, one image. */
  readonly maxPrice?: Readonly<Partial<Record<"prompt" | "completion" | "request" | "image", number>>>;
  /** Whoever is slower comes last: tokens per second, and seconds to the first of them. */
  readonly leastThroughput?: number;
  readonly mostLatency?: number;
  /** Fields of the body that say this. A provider that does not know them must not see them. */
  readonly fields: readonly string[];
};
