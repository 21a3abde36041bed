import type { RenderContext } from "./protocol.ts";

/** The cost as it stands in a usage object, in all protocols: none of their vendors has a word for it, and all their SDKs let it pass. */
export function renderCost({ cost }: Pick<RenderContext, "cost">): { cost?: number } {
  const known = cost?.();
  return known === undefined ? {} : { cost: known.usd };
}
