/** A real MCP server on a socket, by MCP's own server package. */
import { createMcpHandler, McpServer } from "@modelcontextprotocol/server";
import { createServer, type IncomingHttpHeaders, type Server, type ServerResponse } from "node:http";
import { z } from "zod";
import { hangUp, listen } from "../support/server.ts";

export type Visit = { method: string; headers: IncomingHttpHeaders; body: string };

/** `greet`: what its tool `look_up` begins its answers with. */
function tools(greet: string): McpServer {
  const server = new McpServer({ name: greet, version: "1.0.0" });
  const city = z.object({ city: z.string() });
  server.registerTool("look_up", { description: `Looks up (${greet}).`, inputSchema: city, annotations: { readOnlyHint: true } }, ({ city: name }) => ({ content: [{ type: "text", text: `${greet}: ${name} is sunny.` }] }));
  server.registerTool("write_down", { description: "Writes down.", inputSchema: city }, ({ city: name }) => ({ content: [{ type: "text", text: `${name} is written down.` }] }));
  server.registerTool("fail", { description: "Fails.", inputSchema: z.object({}) }, () => ({ isError: true, content: [{ type: "text", text: "It is broken." }] }));
  server.registerTool("show", { description: "Shows.", inputSchema: z.object({}), outputSchema: z.object({ degrees: z.number() }) }, () => ({ content: [{ type: "image", data: "aGk=", mimeType: "image/png" }], structuredContent: { degrees: 21 } }));
  server.registerTool("echo_headers", { description: "Tells what it was sent.", inputSchema: z.object({}) }, (_, { http }) => ({ content: [{ type: "text", text: `You sent ${[...(http?.req?.headers ?? [])].join(" ")}` }] }));
  return server;
}

export class ToolServer {
  readonly visits: Visit[] = [];
  /** Set to have it answer everything with this status. */
  status: number | undefined;
  /** Set to have it answer without end. */
  floods = false;
  /** How long a call of a tool takes. */
  delayMs = 0;
  private readonly server: Server;

  constructor(greet: string, legacy: "stateless" | "only" = "stateless") {
    const { fetch } = createMcpHandler(() => tools(greet));
    this.server = createServer((request, response) => {
      let body = "";
      request.setEncoding("utf8").on("data", (part: string) => (body += part)).on("end", () => {
        const { method = "", headers, url = "/" } = request;
        this.visits.push({ method, headers, body });
        if (this.status !== undefined) return void response.writeHead(this.status, { location: "http://169.254.169.254/" }).end("<h1>no</h1>");
        if (this.floods) return flood(response);
        // A server of 2025 knows nothing of what came after it.
        if (legacy === "only" && /server\/discover/.test(body)) return void response.writeHead(400, { "content-type": "application/json" }).end(JSON.stringify({ jsonrpc: "2.0", id: null, error: { code: -32_000, message: "Bad Request: Server not initialized" } }));
        const known = Object.entries(headers).flatMap(([name, value]) => (value === undefined ? [] : [[name, String(value)] as [string, string]]));
        const asked = new Request(`http://${headers.host}${url}`, { method, headers: known, ...(body && { body }) });
        setTimeout(() => void fetch(asked).then((answer) => pass(answer, response)), body.includes("tools/call") ? this.delayMs : 0);
      });
    });
  }

  async start(): Promise<string> {
    return `${await listen(this.server)}/mcp?tenant=7`;
  }

  stop(): void {
    hangUp(this.server);
  }
}

function flood(response: ServerResponse): void {
  response.writeHead(200, { "content-type": "application/json" });
  const more = (): void => {
    while (!response.closed && response.write(Buffer.alloc(64 * 1024, " "))) continue;
  };
  response.on("drain", more);
  more();
}

async function pass(answer: Response, response: ServerResponse): Promise<void> {
  response.writeHead(answer.status, Object.fromEntries(answer.headers));
  response.end(Buffer.from(await answer.arrayBuffer()));
}
