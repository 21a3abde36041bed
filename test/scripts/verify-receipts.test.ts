import { createHash, generateKeyPairSync } from "node:crypto";
import { execFile } from "node:child_process";
import { mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { JSONWebKeySet } from "jose";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import { receiptsIn, verify } from "../../scripts/verify-receipts.ts";
import { Gateway, type Client } from "../conformance/gateway.ts";

let gateway: Gateway;
let who: Client;
let page: string;
let keys: string;
/** What each answer's bytes hash to, by request id. */
const sent = new Map<string, string>();

const get = async (path: string): Promise<string> => (await fetch(gateway.url + path, { headers: { authorization: `Bearer ${who.key}` } })).text();

async function ask(path: string, body: object): Promise<void> {
  const response = await fetch(gateway.url + path, { method: "POST", headers: { authorization: `Bearer ${who.key}`, "content-type": "application/json" }, body: JSON.stringify(body) });
  sent.set(response.headers.get("x-request-id")!, createHash("sha256").update(Buffer.from(await response.arrayBuffer())).digest("hex"));
  expect(response.status).toBe(200);
}

beforeAll(async () => {
  gateway = await Gateway.start();
  gateway.mock.onMessage(/.*/, { content: "Grüße aus 東京, as often as you like." });
  who = await gateway.client();
  const messages = [{ role: "user", content: "hello" }];
  for (const stream of [false, true]) {
    await ask("/v1/chat/completions", { model: "openai/gpt-4o-mini", messages, stream });
    await ask("/v1/chat/completions", { model: "openai/gpt-4o-mini", messages, stream, ...(stream && { stream_options: { include_usage: true } }) });
    await ask("/v1/messages", { model: "openai/gpt-4o-mini", max_tokens: 100, messages, stream });
  }
  await vi.waitFor(async () => expect(receiptsIn((page = await get("/v1/receipts")))).toHaveLength(6), { timeout: 5_000 });
  keys = await get("/.well-known/forge-receipts.json");
});
afterAll(() => gateway.stop());

const changed = (change: (receipts: ReturnType<typeof receiptsIn>) => void) => {
  const receipts = receiptsIn(page);
  change(receipts);
  return verify(receipts, JSON.parse(keys));
};

describe("receipts of real answers", () => {
  test("are right, and their hashes are those of the bytes that came, streamed or whole, passed on or told anew", async () => {
    const receipts = receiptsIn(page);
    expect(await verify(receipts, JSON.parse(keys))).toMatchObject({ receipts: 6, wrong: [], gaps: 0 });
    expect(new Map(receipts.map(({ entry }) => [entry.id, (entry as unknown as { responseHash: string }).responseHash]))).toEqual(sent);
  });

  test("are right under a set in which other keys stand, too, as after a change of the master secret, and wrong under those alone", async () => {
    const { publicKey } = generateKeyPairSync("ed25519");
    const other = { ...publicKey.export({ format: "jwk" }), kid: "another", use: "sig", alg: "EdDSA" };
    const receipts = receiptsIn(page);
    for (const set of [[other, ...JSON.parse(keys).keys], [...JSON.parse(keys).keys, other]]) expect((await verify(receipts, { keys: set })).wrong).toEqual([]);
    expect((await verify(receipts, { keys: [other] } as JSONWebKeySet)).wrong).toHaveLength(receipts.length);
  });

  test("a line each, a list or one by one are the same to the verifier", () => {
    const receipts = receiptsIn(page);
    expect(receiptsIn(receipts.map((receipt) => JSON.stringify(receipt)).join("\n"))).toEqual(receipts);
    expect(receiptsIn(JSON.stringify(receipts))).toEqual(receipts);
    expect(receiptsIn(JSON.stringify(receipts[0]))).toEqual([receipts[0]]);
  });

  test("one digit that is changed anywhere is found", async () => {
    const digits = [...page.matchAll(/[0-9a-zA-Z]/g)].map(({ index }) => index);
    for (let i = 0; i < 300; i += 1) {
      const at = digits[Math.floor((i / 300) * digits.length)]!;
      const other = page[at] === "1" ? "2" : "1";
      let verdict: Awaited<ReturnType<typeof verify>>;
      try {
        verdict = await verify(receiptsIn(page.slice(0, at) + other + page.slice(at + 1)), JSON.parse(keys));
      } catch {
        continue; // no JSON, or no receipt, any more
      }
      // The last letter of a base64 text may have bits that stand for nothing, and `data` and `next` are nobody's receipt.
      if (verdict.wrong.length === 0) expect(page.slice(at - 8, at + 12), "unnoticed").toMatch(/"jws"|"\}|"data"|"next"|null/);
    }
  });

  test("one that is left out, put twice, or exchanged is found", async () => {
    expect((await changed((all) => void all.sort((a, b) => a.chain.sequence - b.chain.sequence).splice(2, 1))).gaps).toBe(1);
    expect((await changed((all) => void all.push(all[0]!))).wrong.length).toBeGreaterThan(0);
    expect((await changed((all) => void (all[0]!.chain = all[1]!.chain))).wrong.length).toBeGreaterThan(0);
    expect((await changed((all) => void (all[0]!.entry.costNanoUsd += 1))).wrong.join()).toMatch(/its lines come to/);
  });
});

test("npm run verify-receipts reads two files and says 1 when anything is wrong", async () => {
  const folder = mkdtempSync(join(tmpdir(), "forge-receipts-"));
  const file = (name: string, text: string): string => {
    writeFileSync(join(folder, name), text);
    return join(folder, name);
  };
  const run = (receipts: string, named: string[] = []) => promisify(execFile)(process.execPath, ["scripts/verify-receipts.ts", file("receipts.json", receipts), ...named]).then(({ stdout }) => ({ code: 0, stdout }), (error: { code: number; stdout: string }) => error);
  expect(await run(page)).toMatchObject({ code: 2 });
  expect(await run(page, [file("other.json", keys)])).toMatchObject({ code: 0 });
  file("forge-receipts.json", keys);
  expect(await run(page)).toMatchObject({ code: 0, stdout: expect.stringMatching(/6 requests, 0\.\d{9} USD\n6 receipts, 0 wrong/) });
  expect(await run(page.replace('"status":200', '"status":201'))).toMatchObject({ code: 1, stdout: expect.stringContaining("its hash is not that of its entry") });
});
