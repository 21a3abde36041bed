/** What hedging is worth: a first deployment that is now and then slow, asked with and without it, in turns. */
import { createServer, type Server } from "node:http";
import { startLocal } from "../../scripts/local.ts";
import { admin, createKey } from "../support/admin.ts";
import { hangUp, listen } from "../support/server.ts";

const quickMs = 5;
const slowMs = 400;
/** Of so many requests one is slow: fewer than the five in a hundred that a 95th percentile leaves out. */
const slowOneIn = 33;
/** Enough for a 95th percentile. */
const warmUp = 60;
const atOnce = 4;

/** Milliseconds to the first byte; `asked`: calls of the second deployment for each hundred requests. */
export type Hedging = { readonly streams: number; readonly plain: { p50: number; p99: number }; readonly hedged: { p50: number; p99: number; asked: number }; readonly wrong: string[] };

const chunk = (delta: object, finish: string | null = null): string => `data: ${JSON.stringify({ id: "c", object: "chat.completion.chunk", created: 1, model: "m", choices: [{ index: 0, delta, finish_reason: finish }] })}\n\n`;

function provider(name: string, delayMs: () => number): { server: Server; asked: () => number } {
  let asked = 0;
  const server = createServer((request, response) => {
    request.resume().on("end", () => {
      if (request.method !== "POST") return void response.end('{"data":[]}');
      asked += 1;
      setTimeout(() => {
        if (response.destroyed) return;
        response.writeHead(200, { "content-type": "text/event-stream" });
        response.end(chunk({ role: "assistant", content: name }) + chunk({}, "stop") + `data: ${JSON.stringify({ id: "c", object: "chat.completion.chunk", created: 1, model: "m", choices: [], usage: { prompt_tokens: 1, completion_tokens: 1, total_tokens: 2 } })}\n\n` + "data: [DONE]\n\n");
      }, delayMs());
    });
  });
  return { server, asked: () => asked };
}

const at = (sorted: readonly number[], share: number): number => sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))]!;

export async function hedging(streams: number): Promise<Hedging> {
  let n = 0;
  const first = provider("first", () => ((n += 1) > warmUp && n % slowOneIn === 0 ? slowMs : quickMs));
  const second = provider("second", () => quickMs);
  const [firstUrl, secondUrl] = await Promise.all([listen(first.server), listen(second.server)]);
  const gateway = await startLocal({
    port: 0, onLog: () => {},
    vars: { ...createKey.secrets, ALLOW_PRIVATE_UPSTREAMS: "true", TOGETHER_BASE_URL: firstUrl, TOGETHER_API_KEY: "key", GROQ_BASE_URL: secondUrl, GROQ_API_KEY: "key" },
  });
  const wrong: string[] = [];
  try {
    const { organisation, secret } = await createKey(gateway.url, { limits: { requestsPerMinute: 10_000_000 } });
    await admin(gateway.url, "PUT", "/aliases/pair", { organisation, targets: ["together/m", "groq/m"] });
    const ask = async (hedge: boolean): Promise<number> => {
      const beganMs = performance.now();
      const response = await fetch(`${gateway.url}/v1/chat/completions`, {
        method: "POST", headers: { authorization: `Bearer ${secret}`, "content-type": "application/json", ...(hedge && { "x-forge-hedge": "true" }) },
        body: JSON.stringify({ model: "pair", stream: true, stream_options: { include_usage: true }, messages: [{ role: "user", content: "hi" }] }),
      });
      const reader = response.body!.getReader();
      const { value } = await reader.read();
      const firstByteMs = performance.now() - beganMs;
      let text = new TextDecoder().decode(value);
      for (let piece = await reader.read(); !piece.done; piece = await reader.read()) text += new TextDecoder().decode(piece.value);
      if (response.status !== 200 || text.match(/"content":"(?:first|second)"/g)?.length !== 1 || !text.includes("[DONE]")) wrong.push(`${response.status} ${text.slice(0, 200)}`);
      return firstByteMs;
    };
    for (let i = 0; i < warmUp; i += 1) await ask(false);
    const times: [number[], number[]] = [[], []];
    let askedInVain = 0;
    for (let done = 0; done < streams; done += 2 * atOnce) {
      for (const hedge of [false, true]) {
        const before = second.asked();
        times[Number(hedge)]!.push(...(await Promise.all(Array.from({ length: atOnce }, () => ask(hedge)))));
        if (hedge) askedInVain += second.asked() - before;
        else if (second.asked() !== before) wrong.push("a second deployment was asked unasked");
      }
    }
    const [plain, hedged] = times.map((all) => all.toSorted((a, b) => a - b)) as [number[], number[]];
    const told = (sorted: readonly number[]) => ({ p50: at(sorted, 0.5), p99: at(sorted, 0.99) });
    return { streams: plain.length + hedged.length, plain: told(plain), hedged: { ...told(hedged), asked: (100 * askedInVain) / hedged.length }, wrong };
  } finally {
    for (const { server } of [first, second]) hangUp(server);
    await gateway.stop();
  }
}
