/** Clients whose tools may be more than functions get their calls as they know them, whatever the provider's protocol made of them. */
import { OwnCalls, type ChatEvent } from "../chat/index.ts";
import type { GatewayError } from "../errors.ts";
import type { ClientHalf, StreamRenderer } from "./protocol.ts";

/** The same half for such clients. */
export const withOwnCalls = (half: ClientHalf): ClientHalf => ({
  ...half,
  renderResponse(response, context) {
    const calls = new OwnCalls(context.request);
    if (!calls.differ) return half.renderResponse(response, context);
    const choices = response.choices.map(({ parts, finish }) => ({ parts: parts.map((part) => calls.part(part)), finish }));
    return half.renderResponse({ ...response, choices }, context);
  },
  renderStream(context) {
    const calls = new OwnCalls(context.request);
    return calls.differ ? new OwnCallsRenderer(half.renderStream(context), calls) : half.renderStream(context);
  },
});

class OwnCallsRenderer implements StreamRenderer {
  private readonly renderer: StreamRenderer;
  private readonly calls: OwnCalls;

  constructor(renderer: StreamRenderer, calls: OwnCalls) {
    this.renderer = renderer;
    this.calls = calls;
  }

  push(event: ChatEvent): string {
    return this.calls.push(event).map((own) => this.renderer.push(own)).join("");
  }

  end(): string {
    return this.renderer.end();
  }

  fail(error: GatewayError): string {
    return this.renderer.fail(error);
  }
}
