import type { Prefill } from "../protocols/protocol.ts";
import type { BodyEdits } from "./provider.ts";

/**
 * Messages where a cloud invokes Claude: the version stands in the body, and what the URL says does not.
 * https://docs.anthropic.com/en/api/claude-on-amazon-bedrock and https://docs.anthropic.com/en/api/claude-on-vertex-ai
 */
export const invokedClaude = (version: string, ...saidByUrl: string[]): BodyEdits => ({ set: { anthropic_version: JSON.stringify(version) }, without: saidByUrl });

/** Claude 3 to 4.5, under any cloud's name: `claude-sonnet-4-5@20250929`, `eu.anthropic.claude-opus-4-1-20250805-v1:0`. */
const goesOn = /claude-(?:3-|(?:opus|sonnet|haiku)-4(?:-[015])?(?:$|@|-\d{8}|-v\d))/;

/**
 * Claude goes on with a last turn of the assistant's up to 4.5; 4.6 and later answer 400. Not while it thinks, and not with white space at
 * the turn's end. https://platform.claude.com/docs/en/about-claude/models/whats-new-claude-4-6#prefill-removal,
 * https://platform.claude.com/docs/en/build-with-claude/prompt-engineering/prefill-claudes-response
 */
export const claudePrefill = (protocol: string, upstreamId: string): Prefill | undefined =>
  protocol === "anthropic-messages" && goesOn.test(upstreamId) ? { withTools: true } : undefined;
