/** What answers a response that is kept: the path, asked so that reasoning can be sent back to whoever had it. */
import { withMcp } from "../mcp/index.ts";
import { serve, type Serve } from "../pipeline/index.ts";
import { openaiResponses, type Protocol } from "../protocols/index.ts";
import { secretInclude } from "./teller.ts";

function withSecrets(include: string | undefined): string {
  const asked: unknown = include === undefined ? [] : JSON.parse(include);
  return JSON.stringify([...new Set([...(Array.isArray(asked) ? asked : []), secretInclude])]);
}

/** Responses that are kept: nothing is stored at the provider, so it must give its reasoning along. */
export const keptResponses: Protocol = { ...openaiResponses, sealing: (raw) => ({ include: withSecrets(raw("include")) }) };

/** Runs a request: remote MCP servers stand between what is kept and the path. */
export const answer: Serve = withMcp(serve);
