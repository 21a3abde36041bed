/**
 * A provider's batches as Gemini has them: a file of requests goes there, each with its key, and a file of answers comes back. The batch bears our mark
 * as its name to display. They may have other batches' answers in their list, so that is read as it comes; nobody says in which order it is.
 * https://ai.google.dev/gemini-api/docs/batch-api, https://ai.google.dev/api/batch-api, https://ai.google.dev/api/files
 */
import { rawValue, splice } from "../upstream/splice.ts";
import type { Json, ProviderCalls } from "../upstream/provider-batches.ts";
import { stringsIn } from "./json-strings.ts";
import { isAnswer, ready, statusOfCode, type Kind, type Theirs } from "./native-kind.ts";

const listed = 100;
/** `BATCH_STATE_…`; its SDKs say `JOB_STATE_…`. */
const overStates = /_(?:SUCCEEDED|FAILED|CANCELLED|EXPIRED)$/;
const type = "application/jsonl";

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

export const keyed: Kind = {
  most: { lines: 100_000, bytes: 2_000_000_000 },
  between: "\n",
  line: (_, line, { body }) => `{"key":"${line}","request":${body}}`,

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
    theirs(await calls.post(path.replace(/:generateContent$/, ":batchGenerateContent"), { batch: { displayName: mark, inputConfig: { fileName: input } } })),

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
    const line = Number(key);
    if (typeof key !== "string" || !Number.isInteger(line)) return undefined;
    if (response) {
      const body = rawValue(text, "response")!;
      const usage = rawValue(body, "usageMetadata");
      return { line, status: 200, body: usage?.startsWith("{") ? splice(body, { usageMetadata: splice(usage, { serviceTier: '"batch"' }) }) : body };
    }
    const status = statusOfCode(error?.code);
    return error && isAnswer(status) ? { line, status, body: JSON.stringify({ error: { ...error, code: status } }) } : undefined;
  },

  remove: (calls, { id, file }, found) => Promise.all([id, file, ...(found?.answers ?? [])].filter((name) => name !== undefined).map((name) => calls.remove(at(name)).catch(() => {}))),
};
