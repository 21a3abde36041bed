import type { BodyEdits } from "./provider.ts";

/**
 * Messages where a cloud invokes Claude: the version stands in the body, and what the URL says does not.
 * https://docs.anthropic.com/en/api/claude-on-amazon-bedrock and https://docs.anthropic.com/en/api/claude-on-vertex-ai
 */
export const invokedClaude = (version: string, ...saidByUrl: string[]): BodyEdits => ({ set: { anthropic_version: JSON.stringify(version) }, without: saidByUrl });
