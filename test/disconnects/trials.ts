/** Which client leaves whom, when and under which policy: every event type of every client protocol, with every provider's protocol behind it. */
import { clients, type ClientId } from "./clients.ts";
import type { Shape, UpstreamId } from "./tellers.ts";

export type Policy = "cancel" | "drain" | "absent";

/**
 * `leaves`: some milliseconds after it has asked (`sooner`), before headers, with the headers, in the middle of a whole answer, while the upstream is silent in the middle of a stream, or
 * with an event type of the client's protocol; `never`: it stays. `abrupt`: by a reset. The runtime on this machine takes a mere FIN for a client that has said
 * all and learns more with its next write, so where none comes a client must reset; on Cloudflare its front end tells.
 */
export type Trial = { name: string; client: ClientId; upstream: UpstreamId; stream: boolean; policy: Policy; leaves: string; usageAsked: boolean; shape: Shape; abrupt: boolean };

export const policies: readonly Policy[] = ["cancel", "drain", "absent"];
const upstreams: readonly UpstreamId[] = ["openai-chat", "openai-responses", "anthropic-messages", "gemini-generate", "bedrock-converse"];
const wholePoints = ["sooner", "asked", "headers", "half", "never"];
/** Shapes of the answers, round by round. */
const rounds: readonly (readonly Shape[])[] = [["plain"], ["running", "zero"], ["plain", "untold", "running", "open", "zero", "fails", "breaks"]];
const ofWhole: ReadonlySet<Shape> = new Set(["plain", "zero", "untold"]);

/** All trials of so many rounds. */
export function allTrials(count = rounds.length): Trial[] {
  const trials: Trial[] = [];
  for (const [round, shapes] of rounds.slice(0, count).entries()) {
    for (const [client, { events }] of Object.entries(clients) as [ClientId, (typeof clients)[ClientId]][]) {
      for (const upstream of client === "openai-completions" ? [...upstreams, client] : upstreams) {
        for (const policy of policies) {
          const points = [...["sooner", "asked", "headers", "silence", ...Object.keys(events), "never"].map((leaves) => ({ leaves, stream: true })), ...wholePoints.map((leaves) => ({ leaves, stream: false }))];
          for (const { leaves, stream } of points) {
            const n = trials.length;
            const shape = shapes[n % shapes.length]!;
            trials.push({
              name: `trial-${n}`, client, upstream, stream, policy, leaves, shape: stream || ofWhole.has(shape) ? shape : "plain",
              usageAsked: leaves === "usage" || (n + round) % 2 === 0, abrupt: !stream || ["sooner", "asked", "headers", "silence"].includes(leaves) || n % 3 === 0,
            });
          }
        }
      }
    }
  }
  return trials;
}
