/**
 * A provider's batches as Gemini has them: a file of requests goes there, each with its key, and a file of answers comes back. The batch bears our mark
 * as its name to display. They may have other batches' answers in their list, so that is read as it comes; nobody says in which order it is.
 * Vectors are asked for one by one: a line that wants several is as many requests, each with its place in the key.
 * https://ai.google.dev/gemini-api/docs/batch-api, https://ai.google.dev/api/batch-api, https://ai.google.dev/api/files, https://ai.google.dev/api/embeddings
 */
import { rawItems, rawValue, splice } from "../upstream/splice.ts";
import type { Json, ProviderCalls } from "../upstream/provider-batches.ts";
import { stringsIn } from "./json-strings.ts";
import { isAnswer, ready, statusOfCode, type Kind, type Theirs } from "./native-kind.ts";

const listed = 100;
/** `BATCH_STATE_…`; its SDKs say `JOB_STATE_…`. */
const overStates = /_(?:SUCCEEDED|FAILED|CANCELLED|EXPIRED)$/;
const type = "application/jsonl";

/** What is called for a batch of what is called so by itself. */
const batchCalls: Readonly<Record<string, string>> = { generateContent: "batchGenerateContent", batchEmbedContents: "asyncBatchEmbedContent" };
/** A call by itself takes no more vectors. */
const mostVectors = 100;
/** `line`, or `line/index/of`. */
const keyForm = /^(\d+)(?:\/(\d+)\/(\d+))?$/;

const record = (value: unknown): Json => (typeof value === "object" && value !== null ? (value as Json) : {});
/** Where what bears a name lies: `batches/…`, `files/…`. */
const at = (name: string): string => `/${name.split("/").map(encodeURIComponent).join("/")}`;

function theirs({ name, done, response, metadata }: Json): Theirs {
  const { state, output } = record(metadata);
  const file = record(response).responsesFile ?? record(output).responsesFile;
  return { id: String(name), over: done === true || overStates.test(String(state)), answers: typeof file === "string" && file !== "" ? [file] : [] };
}

/** A page of the list: the batch that bears the mark, and where the next page begins. */
async function pageOf(calls: ProviderCalls, mark: string, token: string): Promise<{ id?: string; next?: string }> {
  let [name, isOurs, next]: [string, boolean, string | undefined] = ["", false, undefined];
  for await (const { path, text } of stringsIn(await calls.content(`/batches?pageSize=${listed}${token && `&pageToken=${encodeURIComponent(token)}`}`))) {
    if (path === "operations.name" && text !== undefined) name = text;
    else if (path === "operations.metadata.displayName") isOurs = text === mark;
    else if (path === "nextPageToken") next = text;
    else if (path === "operations" && isOurs) return { id: name };
    else if (path === "operations") name = "";
  }
  return next ? { next } : {};
}

/** Its price is known by the tier. */
function inBatch(body: string): string {
  const usage = rawValue(body, "usageMetadata");
  return splice(body, { usageMetadata: splice(usage?.startsWith("{") ? usage : "{}", { serviceTier: '"batch"' }) });
}

/** Tokens of a vector's answer: `tokenCount` (a text) is what SDKs know; undefined: it does not say. */
function tokensIn(body: string): number | undefined {
  const { promptTokenCount } = record(JSON.parse(rawValue(body, "usageMetadata") ?? "null"));
  const told: unknown = promptTokenCount ?? JSON.parse(rawValue(body, "tokenCount") ?? "null");
  return told === null || !Number.isInteger(Number(told)) ? undefined : Number(told);
}

export const keyed: Kind = {
  most: { lines: 100_000, bytes: 2_000_000_000 },
  between: "\n",

  line(_, line, { path, body }) {
    if (!path.endsWith(":batchEmbedContents")) return `{"key":"${line}","request":${body}}`;
    const requests = rawItems(rawValue(body, "requests")!);
    return requests.length === 0 || requests.length > mostVectors ? undefined : requests.map((request, i) => `{"key":"${line}/${i}/${requests.length}","request":${request}}`).join("\n");
  },

  async stage(calls, { mark, framed }) {
    const boundary = crypto.randomUUID();
    const head = `--${boundary}\r\ncontent-type: application/json; charset=utf-8\r\n\r\n${JSON.stringify({ file: { displayName: mark, mimeType: type } })}\r\n--${boundary}\r\ncontent-type: ${type}\r\n\r\n`;
    const sent = framed(`multipart/related; boundary=${boundary}`, head, `\n\r\n--${boundary}--\r\n`);
    const file = record((await calls.beside("upload").send("/files", { ...sent, headers: { "x-goog-upload-protocol": "multipart" } })).file);
    const name = String(file.name);
    await ready(file, ({ state }) => state !== "PROCESSING", () => calls.get(at(name)));
    return name;
  },

  ask: async (calls, { mark, path }, input) =>
    theirs(await calls.post(path.replace(/(?<=:)\w+$/, (call) => batchCalls[call]!), { batch: { displayName: mark, inputConfig: { fileName: input } } })),

  async find(calls, { mark, others }) {
    for (let token: string | undefined = ""; token !== undefined; ) {
      const { id, next } = await pageOf(calls, mark, token);
      if (id !== undefined) return { is: "ours", id };
      token = next;
    }
    return { is: "none", others };
  },

  get: async (calls, { id }) => theirs(await calls.get(at(id!))),
  cancel: (calls, { id }) => calls.post(`${at(id!)}:cancel`, {}),
  content: (calls, _, place) => calls.beside("download").content(`${at(place)}:download?alt=media`),

  answer(_, text) {
    const { key, response, error } = JSON.parse(text) as { key?: unknown; response?: unknown; error?: Json };
    const [, line, index, of] = (typeof key === "string" && keyForm.exec(key)) || [];
    if (line === undefined) return undefined;
    const whose = { line: Number(line), ...(of !== undefined && { part: { index: Number(index), of: Number(of) } }) };
    if (response) return of === undefined || Array.isArray(record(record(response).embedding).values) ? { ...whose, status: 200, body: inBatch(rawValue(text, "response")!) } : undefined;
    const status = statusOfCode(error?.code);
    return error && isAnswer(status) ? { ...whose, status, body: JSON.stringify({ error: { ...error, code: status } }) } : undefined;
  },

  /** As the call by itself answers. */
  join(bodies) {
    const tokens = bodies.map(tokensIn);
    const details = bodies.flatMap((body) => (record(JSON.parse(rawValue(body, "usageMetadata")!)).promptTokenDetails as object[] | undefined) ?? []);
    const told = tokens.every((one) => one !== undefined) && { promptTokenCount: tokens.reduce((sum, one) => sum + one, 0), promptTokenDetails: details };
    return `{"embeddings":[${bodies.map((body) => rawValue(body, "embedding")!).join(",")}],"usageMetadata":${JSON.stringify({ ...told, serviceTier: "batch" })}}`;
  },

  remove: (calls, { id, file }, found) => Promise.all([id, file, ...(found?.answers ?? [])].filter((name) => name !== undefined).map((name) => calls.remove(at(name)).catch(() => {}))),
};
