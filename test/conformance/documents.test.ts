/**
 * The seed documents, as their readers follow them: each snippet as printed, by its document and line, with the real curl and Node. What is changed
 * in a snippet stands here. Python's are played by test/python/snippets.ts.
 */
import { createClient } from "@insforge/sdk";
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import { Desk, missing, type Told } from "../documents/play.ts";
import { ours, printed, replaced } from "../documents/snippets.ts";
import { bangla, documents, picture, sound, vector, World } from "../documents/world.ts";

/** Names of models that no catalog has, or that others serve too, as this gateway tells their deployments. */
const deployments: Record<string, string> = { "x-ai/grok-code-fast-1": "xai/grok-code-fast-1-0825", "google/veo-3.1": "openrouter/google/veo-3.1", "google/gemini-2.5-flash-image": "gemini/gemini-2.5-flash-image" };

let world: World;
let desk: Desk;
let keys: { lana: string; forgelab: string; atlassian: string; priyo: string; openrouter: string };

beforeAll(async () => {
  world = await World.start();
  const [lana, forgelab, atlassian, priyo, openrouter] = await Promise.all(["rrt-burst-", "fl_sk_live_", "fa-", "sk-priyo-", "sk-or-v1-"].map((prefix) => world.key(prefix, prefix === "fa-" ? { installations: true } : {})));
  keys = { lana: lana!, forgelab: forgelab!, atlassian: atlassian!, priyo: priyo!, openrouter: openrouter! };
  desk = new Desk({ FORGE_API_KEY: keys.lana, PRIYO_API_KEY: keys.priyo, INSFORGE_BASE_URL: world.database, INSFORGE_ANON_KEY: "anon" });
  desk.write("audio.mp3", sound);
  for (const name of ["photo.png", "mask.png"]) desk.write(name, Buffer.from(picture, "base64"));
  const line = { custom_id: "one", method: "POST", url: "/v1/chat/completions", body: { model: "priyo-llama", messages: [{ role: "user", content: "Explain AI in Bangla" }] } };
  desk.write("batch_input.jsonl", `${JSON.stringify(line)}\n`);
});
afterAll(async () => {
  desk?.clear();
  await world?.stop();
});

const curl = (name: string, instead: Record<string, string> = {}): Promise<Told> => desk.curl(replaced(ours(printed(name), world.url, ""), instead));
const deployed = (name: string): string => replaced(printed(name), Object.fromEntries(Object.entries(deployments).filter(([said]) => printed(name).includes(said))));
const example = (name: string): any => JSON.parse(printed(name).replace(", ...", "")) as unknown;

/** The deltas of a stream of chat completion chunks that ends as such streams do. */
function streamed(text: string): string {
  const events = text.trim().split("\n\n").filter((event) => !event.startsWith(":"));
  expect(events.at(-1)).toBe("data: [DONE]");
  return events.slice(0, -1).map((event) => (JSON.parse(event.slice("data: ".length)) as { choices: { delta: { content?: string } }[] }).choices[0]?.delta.content ?? "").join("");
}

describe("curl", () => {
  const plays: Record<string, (told: Told) => unknown> = {
    "000-033.sh": ({ headers, text }) => {
      expect(streamed(text)).toBe("Hello.");
      expect([headers.get("x-ratelimit-limit"), headers.get("x-ratelimit-remaining"), headers.get("x-request-id")]).toEqual(["600", "599", expect.stringMatching(/\S/)]);
    },
    "003-011.sh": ({ json }) => expect(json.choices[0].message.content).toBe(bangla),
    "003-060.sh": ({ json }) => {
      expect(missing(json, example("003-071.json"))).toEqual([]);
      expect(json.choices[0].message).toMatchObject(example("003-071.json").choices[0].message);
    },
    "003-093.sh": ({ text }) => expect(streamed(text)).toBe("Rain on rickshaw bells"),
    "003-114.sh": ({ json }) => expect(json).toMatchObject({ object: "text_completion", choices: [{ text: " a kite was lost.", finish_reason: "stop" }] }),
    "003-135.sh": ({ json }) => {
      expect(missing(json, example("003-143.json"))).toEqual([]);
      expect(json.data[0].embedding).toEqual(vector);
    },
    "003-157.sh": ({ json }) => {
      expect(missing(json, example("003-160.json"))).toEqual([]);
      expect(json.data.map(({ id }: { id: string }) => id)).toEqual(expect.arrayContaining(["priyo-llama", "claude-sonnet-4-6"]));
    },
    "003-177.sh": ({ json }) => expect(json).toMatchObject({ id: expect.any(String), results: [{ flagged: false, categories: { violence: false } }] }),
    "003-197.sh": () => expect(desk.read("speech.mp3").equals(sound)).toBe(true),
    "003-219.sh": ({ json }) => expect(json.text).toBe("Hello there."),
    "003-237.sh": ({ json }) => expect(json).toMatchObject({ created: expect.any(Number), data: [{ b64_json: picture }] }),
    "003-260.sh": ({ json }) => expect(json).toMatchObject({ data: [{ b64_json: picture }] }),
    "003-280.sh": ({ json }) => expect(json).toMatchObject({ type: "message", role: "assistant", content: [{ type: "text", text: "Verse.\nSong.\nStory." }], stop_reason: "end_turn" }),
    "003-305.sh": ({ json }) => expect(json).toMatchObject({ object: "response", status: "completed", output: expect.arrayContaining([expect.objectContaining({ type: "message", content: [expect.objectContaining({ type: "output_text", text: "Day one: biryani." })] })]) }),
    "003-323.sh": ({ json }) => {
      expect(missing(json, example("003-337.json"))).toEqual([]);
      expect(json.results.map(({ index }: { index: number }) => index)).toEqual(example("003-337.json").results.map(({ index }: { index: number }) => index));
    },
  };

  test.each(Object.entries(plays))("%s", async (name, expected) => {
    const told = await curl(name);
    expect(told.status, told.text.slice(0, 500)).toBe(200);
    await expected(told);
  });

  test("003-358.sh, 003-376.sh: a file, and the batch that it is", async () => {
    const file = await curl("003-358.sh");
    expect(file.json).toMatchObject({ object: "file", purpose: "batch", filename: "batch_input.jsonl" });
    const batch = await curl("003-376.sh", { file_abc123: file.json.id });
    expect(batch.json).toMatchObject({ object: "batch", endpoint: "/v1/chat/completions", completion_window: "24h" });
    const headers = { authorization: `Bearer ${keys.priyo}` };
    const done = await vi.waitFor(async () => {
      const now = (await (await fetch(`${world.url}/v1/batches/${batch.json.id}`, { headers })).json()) as { status: string; output_file_id: string };
      expect(now.status).toBe("completed");
      return now;
    }, { timeout: 25_000, interval: 200 });
    const output = await (await fetch(`${world.url}/v1/files/${done.output_file_id}/content`, { headers })).text();
    expect(JSON.parse(output)).toMatchObject({ custom_id: "one", response: { status_code: 200, body: { choices: [{ message: { content: expect.stringMatching(/\S/) } }] } } });
  });

  test("002-067.sh: Atlassian's proxy brings the app's key along", async () => {
    const told = await curl("002-067.sh", { "{model}": "gpt-4o-mini", "--header 'Accept": `--header 'x-api-key: ${keys.atlassian}' --header 'Accept` });
    expect(told.status, told.text).toBe(200);
    expect(missing(told.json, example("002-151.json"))).toEqual([]);
    // The document's own names end in commas that belong behind the quotes.
    expect(told.json.choices[0].message.tool_calls[0]).toMatchObject({ type: "function", function: { name: "get_current_weather", arguments: expect.stringContaining("Boston, MA") } });
  });

  test("003-390.json: a key that is none", async () => {
    const told = await desk.curl(replaced(ours(printed("003-011.sh"), world.url, ""), { $PRIYO_API_KEY: "sk-priyo-nobody" }));
    expect(told.status).toBe(401);
    expect(missing(told.json, example("003-390.json"))).toEqual([]);
    const { type, code } = example("003-390.json").error;
    expect(told.json.error).toMatchObject({ type, code });
  });
});

describe("what is printed of HTTP", () => {
  const called = (name: string): { method: string; path: string }[] => [...printed(name).matchAll(/(GET|POST|DELETE)\s*(?:https:\/\/forgelab\.one)?(\/\S+)/g)].map(([, method, path]) => ({ method: method!, path: path! }));

  test.each(["000-063.http", "000-068.http", "000-073.http", "000-078.http", "000-083.http", "001-023.http", "001-069.http", "003-051.http", "003-108.http", "003-129.http", "003-156.http", "003-173.http", "003-191.http", "003-213.http", "003-230.http", "003-253.http", "003-273.http", "003-298.http", "003-317.http", "003-350.http", "003-367.http"])("%s is there, for those with a key", async (name) => {
    const all = called(name);
    expect(all.length).toBe(printed(name).match(/GET|POST|DELETE/g)!.length);
    for (const { method, path } of all) {
      const answer = await fetch(world.url + path, { method, ...(method === "POST" && { body: "{}", headers: { "content-type": "application/json" } }) });
      expect([path, answer.status, await answer.text()]).toEqual([path, 401, expect.stringContaining("error")]);
    }
  });

  /** A printed header with a key of ours for the one that is printed. */
  const header = (name: string, key: string): [string, string] => printed(name).replace(/\S+\.\.\.$/, key).split(": ") as [string, string];
  const ask = async (name: string, how: [string, string], body?: string): Promise<any> => {
    const [{ method, path }] = called(name) as [{ method: string; path: string }];
    const answer = await fetch(world.url + path, { method, body, headers: [how, ["content-type", "application/json"]] });
    expect(answer.status).toBe(200);
    return answer.json();
  };

  test("001-005.http, 001-035.json, 001-044.json: ForgeLab's request and answer", async () => {
    const told = await ask("001-023.http", header("001-005.http", keys.forgelab), deployed("001-035.json"));
    expect(missing(told, example("001-044.json"))).toEqual([]);
    expect(told.choices[0].message.content).toBe(example("001-044.json").choices[0].message.content);
  });
  test("001-073.json: ForgeLab's models", async () => {
    expect(missing(await ask("001-069.http", header("001-005.http", keys.forgelab)), JSON.parse(deployed("001-073.json")))).toEqual([]);
  });
  test("003-028.http, 000:84: the key's usage", async () => {
    const priyo = header("003-028.http", keys.priyo);
    expect(priyo[1]).toMatch(/^Bearer sk-priyo-/);
    await vi.waitFor(async () => expect((await ask("000-083.http", priyo)).totals.requests).toBeGreaterThan(10), { timeout: 5_000, interval: 100 });
    const usage = await ask("000-083.http", ["authorization", `Bearer ${keys.lana}`]);
    expect(usage).toMatchObject({ totals: { requests: 1 }, forecast: expect.anything() });
  });
});

describe("Node", () => {
  const client = (): string => ours(printed("004-026.ts"), world.url, "");
  const route = (text: string, request: string): string => `${text}\nconst told = await POST(new Request("http://app.example/api/chat", { method: "POST", ${request} }));\nconsole.log(told.status, told.headers.get("content-type"));\nconsole.log(await told.text());`;

  beforeAll(() => desk.write(".env", replaced(printed("004-022.env"), { "<your-openrouter-api-key>": keys.openrouter })));

  /** The document's client (004-022.env, 004-026.ts) is what these are called with. */
  const plays: Record<string, string | ((written: string) => unknown)> = {
    "004-040.ts": "Paris.\n",
    "004-052.ts": "It is faster now.",
    "004-065.ts": (written) => expect(written).toMatch(/name: 'get_order',\s+arguments: '\{"orderId":"123"\}'/),
    "004-090.ts": "A field.\n",
    "004-113.ts": `Here it is.\ndata:image/png;base64,${picture}\n`,
    "004-145.ts": `[ ${vector.join(", ")} ]\n`,
  };
  test.each(Object.entries(plays))("%s", async (name, expected) => {
    const written = await desk.node(`${client()}\n${deployed(name)}`);
    if (typeof expected === "string") expect(written).toBe(expected);
    else expected(written);
  });

  test("004-155.ts: a film begins", async () => {
    const written = await desk.node(ours(deployed("004-155.ts"), world.url, ""));
    expect(written).toMatch(/status: '(pending|queued|in_progress)'/);
    expect(written).toContain(`polling_url: '${world.url}/api/v1/videos/`);
  });
  test("004-178.ts: the route, with an application's own sessions", async () => {
    const own = { "declare function verifySessionToken(token: string): Promise<boolean>;": 'const verifySessionToken = async (token: string): Promise<boolean> => token === "ours";' };
    const text = replaced(ours(printed("004-178.ts"), world.url, ""), own);
    const asked = (token: string, body: object): Promise<string> => desk.node(route(text, `headers: { authorization: "Bearer ${token}" }, body: ${JSON.stringify(JSON.stringify(body))}`));
    expect(await asked("ours", { prompt: "What is the capital of France?" })).toBe('200 application/json\n{"text":"Paris."}\n');
    expect(await asked("nobody's", { prompt: "What is the capital of France?" })).toBe('401 application/json\n{"error":"Unauthorized"}\n');
  });
  test("004-221.ts: with an application's data", async () => {
    expect(await desk.node(ours(printed("004-221.ts"), world.url, ""))).toBe("A mango and a river.\n");
    const asked = JSON.stringify(world.vendors.getLastRequest()?.body);
    for (const { title } of documents) expect(asked).toContain(title);
  });
  test("004:254 to 256: InsForge's own methods, by its SDK", async () => {
    const { ai } = createClient({ baseUrl: world.url, anonKey: keys.openrouter });
    const told = await ai.chat.completions.create({ model: "openai/gpt-4o", messages: [{ role: "user", content: "What is the capital of France?" }] });
    expect(told.choices[0].message.content).toBe("Paris.");
    const drawn = await ai.images.generate({ model: deployments["google/gemini-2.5-flash-image"]!, prompt: "A clean product mockup" });
    expect(drawn.data[0]).toMatchObject({ b64_json: picture });
    expect((await ai.embeddings.create({ model: "openai/text-embedding-3-small", input: "Your text here" })).data[0].embedding).toEqual(vector);
  });
  test("000-135.ts: the Next.js route streams", async () => {
    const written = await desk.node(route(ours(printed("000-135.ts"), world.url, ""), `body: JSON.stringify({ messages: [{ role: "user", content: "Explain machine learning in 3 paragraphs" }] })`));
    const [head, ...lines] = written.trim().split("\n");
    expect(head).toBe("200 text/event-stream");
    expect(lines.map((line) => (JSON.parse(line) as { choices: { delta: { content?: string } }[] }).choices[0]?.delta.content ?? "").join("")).toBe("First it learns.\n\nThen it knows.\n\nAt last it forgets.");
  });
});
