/** The gateway on its own runtime in front of three scripted providers, and a tap at its front door. */
import { createServer, request } from "node:http";
import type { AddressInfo } from "node:net";
import { startLocal } from "../../scripts/local.ts";
import { entries, usageOnceQuiet, type Key, type Totals } from "../chaos/gateway.ts";
import type { LedgerEntry } from "../../src/ledger/entry.ts";
import { admin, createKey } from "../support/admin.ts";
import { anthropicMessages } from "./anthropic-messages.ts";
import { openaiChat } from "./openai-chat.ts";
import { openaiResponses } from "./openai-responses.ts";
import { Upstream } from "./upstream.ts";

/** Each protocol's provider: one that speaks, or prefers, nothing else. */
export const upstreams = { chat: new Upstream(openaiChat), responses: new Upstream(openaiResponses), messages: new Upstream(anthropicMessages) };

/** What went through the front door. */
export type Visit = { method: string; path: string; status: number; id: string; losses: string[] };

export type Gateway = {
  /** Where agents call. */
  url: string;
  visits: Visit[];
  /** Lines that the Worker has logged: it logs only what an operator must see. */
  log: string[];
  /** A key of an organisation to which `name` means `target`. */
  keyFor: (name: string, target: string) => Promise<Key>;
  /** The key's entries and totals, once `expected` requests are settled. */
  ledger: (key: Key, expected: number) => Promise<{ entries: LedgerEntry[]; totals: Totals }>;
  stop: () => Promise<void>;
};

/** Starts all of it. */
export async function startGateway(): Promise<Gateway> {
  const [chat, responses, messages] = await Promise.all(Object.values(upstreams).map((upstream) => upstream.start()));
  const vars = {
    ...createKey.secrets, ALLOW_PRIVATE_UPSTREAMS: "true", CEREBRAS_API_KEY: "sk-scripted", OPENAI_API_KEY: "sk-scripted", ANTHROPIC_API_KEY: "sk-scripted",
    CEREBRAS_BASE_URL: `${chat}/v1`, OPENAI_BASE_URL: `${responses}/v1`, ANTHROPIC_BASE_URL: messages!,
  };
  const log: string[] = [];
  const local = await startLocal({ port: 0, vars, onLog: (line) => log.push(line) });
  const visits: Visit[] = [];
  const tap = await startTap(local.url, visits);
  return {
    url: tap.url, visits, log,
    async keyFor(name, target) {
      const key = await createKey(local.url, { limits: { requestsPerMinute: 600, monthlyNanoUsd: 1e12 } });
      await admin(local.url, "PUT", `/aliases/${name}`, { organisation: key.organisation, targets: [target] });
      return key;
    },
    async ledger(key, expected) {
      const totals = await usageOnceQuiet(local.url, key, expected);
      return { totals, entries: await entries({ ...local, pid: undefined }, key) };
    },
    async stop() {
      tap.stop();
      for (const upstream of Object.values(upstreams)) upstream.stop();
      await local.stop();
    },
  };
}

/** Passes everything on as it is and notes the answers' heads. */
async function startTap(target: string, visits: Visit[]): Promise<{ url: string; stop: () => void }> {
  const { hostname, port } = new URL(target);
  const server = createServer((from, to) => {
    const { method = "", url: path = "", headers } = from;
    const onward = request({ hostname, port, method, path, headers }, (answer) => {
      const losses = String(answer.headers["x-forge-losses"] ?? "").split(", ").filter(Boolean);
      visits.push({ method, path, status: answer.statusCode!, id: String(answer.headers["x-request-id"]), losses });
      to.writeHead(answer.statusCode!, answer.rawHeaders);
      answer.pipe(to);
    });
    onward.on("error", () => to.destroy());
    to.on("close", () => onward.destroy());
    from.pipe(onward);
  });
  server.on("upgrade", ({ method = "", url: path = "", headers }, from, first: Buffer) => {
    const onward = request({ hostname, port, method, path, headers });
    onward.on("upgrade", (answer, to, head: Buffer) => {
      visits.push({ method, path, status: answer.statusCode!, id: String(answer.headers["x-request-id"]), losses: [] });
      const lines = Array.from({ length: answer.rawHeaders.length / 2 }, (_, i) => `${answer.rawHeaders[2 * i]}: ${answer.rawHeaders[2 * i + 1]}\r\n`);
      from.write(`HTTP/1.1 101 Switching Protocols\r\n${lines.join("")}\r\n`);
      from.write(head);
      to.write(first);
      to.pipe(from).on("close", () => to.destroy());
      from.pipe(to).on("close", () => from.destroy());
    });
    onward.on("error", () => from.destroy());
    onward.end();
  });
  await new Promise<void>((ready) => server.listen(0, "127.0.0.1", ready));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    stop() {
      server.close();
      server.closeAllConnections();
    },
  };
}
