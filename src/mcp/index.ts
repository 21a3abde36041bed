/**
 * Remote MCP servers of Responses, run here for any model: a layer around the one path. Each turn of the model is a request of its own on it.
 * Does not belong here: how Responses is written (protocols), the call itself (upstream), money (the path settles each turn).
 */
export { asFunctions } from "./server.ts";
export { withMcp } from "./with-mcp.ts";
