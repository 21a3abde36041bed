/** A connection to one MCP server, for one response. Its client is loaded when the first request asks for one. */
import type { Client, jsonSchemaValidator, JsonSchemaValidator } from "@modelcontextprotocol/client";
import { GatewayError } from "../errors.ts";
import { isObject, objectIn, record, type Json } from "../protocols/json.ts";
import { cutOut } from "../telemetry/log.ts";
import { mcpDial } from "../upstream/mcp-dial.ts";
import { outcomeOf, type CallError, type Outcome } from "./items.ts";
import { invalid, type ListedTool, type Server } from "./server.ts";

const goodbyeMs = 5_000;
/** No model takes more functions. */
const mostTools = 128;
const mostPages = 16;
/** Of all that a server says of its allowed tools. */
const mostCharacters = 512 * 1024;

/** Headers and fields of a query that hold a secret. */
const secretName = /auth|cookie|key|token|secret|passw|session|sign/i;

const load = () => import("@modelcontextprotocol/client");

/** What a tool's result is checked against by its server is not checked again: it is text for a model, and schemas of strangers are programs. */
const unchecked: jsonSchemaValidator = { getValidator: <T>(): JsonSchemaValidator<T> => (data) => ({ valid: true, data: data as T, errorMessage: undefined }) };

/** How long a server may take to tell of itself and its tools, and for a call. */
export type Patience = { readonly listMs: number; readonly callMs: number };

export class Connection {
  private readonly server: Server;
  private readonly signal: AbortSignal;
  private readonly patience: Patience;
  private client: Promise<Client> | undefined;

  /** `signal`: nobody waits for an answer any more. */
  constructor(server: Server, signal: AbortSignal, patience: Patience) {
    this.server = server;
    this.signal = signal;
    this.patience = patience;
  }

  /** The server's tools that the request allows. Throws `mcp_server_error`, or `invalid_request` where they are too many. */
  async list(): Promise<ListedTool[]> {
    const { at, label, allows } = this.server;
    let allowed: ListedTool[];
    try {
      const client = await this.connected();
      const listed = client.getServerCapabilities()?.tools ? (await client.listTools(undefined, { signal: this.signal, timeout: this.patience.listMs })).tools : [];
      const tools = listed.map(({ name, description, inputSchema, annotations }) => ({ name, description: description ?? null, input_schema: inputSchema as Json, annotations: isObject(annotations) ? annotations : null }));
      allowed = this.withoutSecrets(tools.filter(allows));
    } catch (error) {
      throw new GatewayError("mcp_server_error", this.discreet(`${at}: the MCP server ${JSON.stringify(label)} did not list its tools: ${(await told(error)).message}`), { param: at, shouldRetry: false });
    }
    if (allowed.length > mostTools) throw invalid(`${at}.allowed_tools`, `the server has ${allowed.length} tools, and a model takes ${mostTools}: name those that it needs`);
    const { length } = JSON.stringify(allowed);
    if (length > mostCharacters) throw invalid(`${at}.allowed_tools`, `the server describes its tools in ${length} characters, more than ${mostCharacters}: name those that the model needs`);
    return allowed;
  }

  /** Calls a tool; `input` is JSON text. Never rejects: what goes wrong is for the model to hear. */
  async call(name: string, input: string): Promise<Outcome> {
    const values = objectIn(input || "{}");
    if (!values) return failed({ type: "mcp_protocol_error", code: invalidParams, message: "The arguments are no JSON object." });
    try {
      const client = await this.connected();
      const result = await client.callTool({ name, arguments: values }, { signal: this.signal, timeout: this.patience.callMs });
      return this.withoutSecrets(outcomeOf(record(result)));
    } catch (error) {
      const why = await told(error);
      return failed({ ...why, message: this.discreet(why.message) });
    }
  }

  /** Ends the session, where the server keeps one. Never rejects. */
  async close(): Promise<void> {
    const client = await this.client?.catch(() => undefined);
    if (!client) return;
    const { transport } = client as { transport?: { terminateSession?: () => Promise<void> } };
    await Promise.race([transport?.terminateSession?.().catch(() => {}), scheduler.wait(goodbyeMs)]);
    await client.close().catch(() => {});
  }

  private connected(): Promise<Client> {
    return (this.client ??= this.connect());
  }

  private async connect(): Promise<Client> {
    const { Client, StreamableHTTPClientTransport } = await load();
    const { url, headers } = this.server;
    const client = new Client({ name: "forge", version: "1" }, { capabilities: {}, jsonSchemaValidator: unchecked, listMaxPages: mostPages, versionNegotiation: { mode: "auto" } });
    client.onerror = () => {};
    const transport = new StreamableHTTPClientTransport(url, { fetch: mcpDial(url), requestInit: { headers } });
    await client.connect(transport, { signal: this.signal, timeout: this.patience.listMs });
    return client;
  }

  private withoutSecrets<T>(value: T): T {
    return JSON.parse(JSON.stringify(value), (_, one: unknown) => (typeof one === "string" ? this.discreet(one) : one)) as T;
  }

  /** What a server says of itself may repeat what it was sent. */
  private discreet(text: string): string {
    const { headers, url } = this.server;
    const secrets = [...Object.entries(headers), ...url.searchParams].filter(([name]) => secretName.test(name)).flatMap(([, value]) => [value, value.replace(/^\w+ /, "")]);
    return secrets.reduce((rest, secret) => cutOut(rest, secret), text);
  }
}

const failed = (error: CallError): Outcome => ({ output: null, error });

/** JSON-RPC's code for it. */
const invalidParams = -32_602;
const gatewayTimeout = 504;
const badGateway = 502;

/** What went wrong, as `mcp_call.error` has it. A server's page or stack is no message. */
async function told(error: unknown): Promise<Exclude<CallError, { content: unknown }>> {
  const { ProtocolError, SdkError, SdkErrorCode, SdkHttpError } = await load();
  if (error instanceof ProtocolError) return { type: "mcp_protocol_error", code: error.code, message: error.message.slice(0, 1_000) };
  if (error instanceof SdkHttpError && error.status) return { type: "http_error", code: error.status, message: `The server answered ${error.status}.` };
  if (error instanceof SdkError && error.code === SdkErrorCode.RequestTimeout) return { type: "http_error", code: gatewayTimeout, message: "The server did not answer in time." };
  return { type: "http_error", code: badGateway, message: "The server could not be reached, or did not answer as an MCP server." };
}
