/** An MCP server as a request names it. https://platform.openai.com/docs/guides/tools-connectors-mcp */
import * as z from "zod";
import { GatewayError } from "../errors.ts";
import { isObject, list, record, type Json } from "../protocols/json.ts";
import { unreachable } from "../providers/index.ts";

/** A tool as `mcp_list_tools` tells it. */
export type ListedTool = { readonly name: string; readonly description: string | null; readonly input_schema: Json; readonly annotations: Json | null };

export type Server = {
  /** Where it stands in the request: `tools[0]`. */
  readonly at: string;
  readonly label: string;
  readonly url: URL;
  /** For this server alone: never stored, logged or told to anybody else. */
  readonly headers: Readonly<Record<string, string>>;
  readonly description: string | undefined;
  readonly allows: (tool: ListedTool) => boolean;
  readonly needsApproval: (tool: ListedTool) => boolean;
  /** The tool as the answer repeats it. */
  readonly echo: Json;
};

const mostServers = 8;
const mostHeaders = 64;
/** What belongs to the connection and not to who calls. */
const ofTransport = /^(?:host|content-length|transfer-encoding|connection|upgrade|te|trailer|keep-alive|expect|proxy-.*|cf-.*|mcp-.*)$/i;

const filterSchema = z.object({ tool_names: z.array(z.string()).nullish(), read_only: z.boolean().nullish() });
type Filter = z.infer<typeof filterSchema>;

const serverSchema = z.object({
  server_label: z.string("must be a string").regex(/^[A-Za-z0-9_-]{1,64}$/, "must be 1 to 64 letters, digits, - and _"),
  server_url: z.string("must be a string").max(2_048, "must have at most 2048 characters"),
  connector_id: z.null("cannot stand beside server_url").optional(),
  tunnel_id: z.null("cannot stand beside server_url").optional(),
  server_description: z.string("must be a string").nullish(),
  headers: z.record(z.string(), z.string("must be a string"), "must be an object of strings").nullish(),
  authorization: z.string("must be a string").nullish(),
  allowed_tools: z.union([z.array(z.string()), filterSchema], "must be a list of names, or {tool_names, read_only}").nullish(),
  require_approval: z.union([z.enum(["always", "never"]), z.object({ always: filterSchema.nullish(), never: filterSchema.nullish() })], "must be always, never, or {always, never}").nullish(),
});

const isMcp = (tool: unknown): tool is Json => isObject(tool) && tool.type === "mcp";
/** Whether it is run here. OpenAI's connectors and tunnels only OpenAI can run. */
export const isOurs = (tool: unknown): tool is Json => isMcp(tool) && ((tool.connector_id == null && tool.tunnel_id == null) || tool.server_url != null);

/** A body as the model is asked it: its servers are functions then, whose names nobody knows yet. */
export function asFunctions(body: object): readonly object[] {
  const { tools } = body as { tools?: unknown };
  if (!list(tools).some(isOurs)) return [body];
  return [{ ...body, tools: list(tools).map((tool) => (isOurs(tool) ? { type: "function", name: String(tool.server_label) } : tool)) }];
}

/** A server of a provider's as the answer repeats it. */
export const withoutSecrets = (tool: unknown): unknown => {
  if (!isMcp(tool)) return tool;
  const { authorization: _, headers: __, ...told } = tool;
  return { ...told, headers: null };
};

/** Labels of those that the provider runs. */
export const labelsElsewhere = (tools: unknown): ReadonlySet<unknown> => new Set(list(tools).filter((tool) => isMcp(tool) && !isOurs(tool)).map((tool) => record(tool).server_label));

/** The servers among a request's tools. Throws `invalid_request` with the field and the reason; nothing was sent by then. */
export function readServers(tools: unknown, allowPrivate: boolean): Server[] {
  const servers = list(tools).flatMap((tool, index) => (isOurs(tool) ? [readServer(tool, `tools[${index}]`, allowPrivate)] : []));
  const known = labelsElsewhere(tools);
  const twice = servers.find(({ label }, index) => known.has(label) || servers.findIndex((other) => other.label === label) < index);
  if (twice) throw invalid(`${twice.at}.server_label`, `${JSON.stringify(twice.label)} is another server's too`);
  if (servers.length > mostServers) throw invalid("tools", `there are at most ${mostServers} MCP servers in a request`);
  return servers;
}

function readServer(tool: Json, at: string, allowPrivate: boolean): Server {
  const read = serverSchema.safeParse(tool);
  if (!read.success) {
    const issue = read.error.issues[0]!;
    throw invalid([at, ...issue.path.map(String)].join("."), issue.message);
  }
  const { server_label: label, server_url, server_description, allowed_tools, require_approval } = read.data;
  const url = readUrl(server_url, `${at}.server_url`, allowPrivate);
  const allowed: Filter = Array.isArray(allowed_tools) ? { tool_names: allowed_tools } : (allowed_tools ?? {});
  return {
    at, label, url, headers: readHeaders(read.data, at), description: server_description ?? undefined,
    allows: (one) => matches(allowed, one),
    needsApproval: approvalOf(require_approval),
    echo: {
      type: "mcp", server_label: label, server_url: `${url.origin}/<redacted>`, server_description: server_description ?? null,
      allowed_tools: allowed_tools ?? null, require_approval: require_approval ?? "always", headers: null,
    },
  };
}

function readUrl(text: string, param: string, allowPrivate: boolean): URL {
  const url = URL.parse(text);
  const wrong = url ? (unreachable(url, allowPrivate) ?? (url.hash ? "must not contain a fragment" : undefined)) : "is not a URL";
  if (!url || wrong !== undefined) throw invalid(param, wrong!);
  return url;
}

function readHeaders({ headers, authorization }: Pick<z.infer<typeof serverSchema>, "headers" | "authorization">, at: string): Record<string, string> {
  const all = Object.entries(headers ?? {});
  const refused = all.find(([name]) => ofTransport.test(name));
  if (refused) throw invalid(`${at}.headers`, `${refused[0].slice(0, 64)} is not for you to set`);
  if (all.length > mostHeaders) throw invalid(`${at}.headers`, `must have at most ${mostHeaders}`);
  try {
    const checked = new Headers(all);
    if (authorization) checked.set("authorization", `Bearer ${authorization}`);
    return Object.fromEntries(checked);
  } catch {
    // What is wrong with a header may be the secret in it.
    throw invalid(authorization ? `${at}.authorization` : `${at}.headers`, "holds what no HTTP header can");
  }
}

const matches = ({ tool_names, read_only }: Filter, { name, annotations }: ListedTool): boolean =>
  (tool_names == null || tool_names.includes(name)) && (read_only == null || (annotations?.readOnlyHint === true) === read_only);

/** What no filter names needs approval, unless there is only one for those that do. */
function approvalOf(wanted: z.infer<typeof serverSchema>["require_approval"]): (tool: ListedTool) => boolean {
  if (wanted == null || typeof wanted === "string") return () => wanted !== "never";
  const { always, never } = wanted;
  return (tool) => (always ? matches(always, tool) : false) || !(never ? matches(never, tool) : always != null);
}

export const invalid = (param: string, reason: string): GatewayError => new GatewayError("invalid_request", `${param}: ${reason}`, { param });
