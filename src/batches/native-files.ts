/**
 * A provider's batches as OpenAI has them: a file of lines goes there, and a file of answers comes back. A batch bears our mark in its metadata. Azure's
 * words may begin with capitals, its times be texts, a file be looked through for a while before it is taken, and one of errors be there that is empty.
 * https://platform.openai.com/docs/api-reference/batch, https://learn.microsoft.com/azure/ai-foundry/openai/how-to/batch
 */
import { GatewayError } from "../errors.ts";
import { rawValue, splice } from "../upstream/splice.ts";
import type { Json } from "../upstream/provider-batches.ts";
import { clocksDifferMs, isAnswer, ready, type Kind, type Theirs } from "./native-kind.ts";

/** The key of its metadata under which a batch bears our own name for it. */
const markField = "forge_batch";
const listed = 100;
const overStatuses = ["completed", "failed", "expired", "cancelled"];

const theirs = ({ id, status, output_file_id, error_file_id }: Json): Theirs => ({
  id: String(id), over: overStatuses.includes(String(status).toLowerCase()),
  answers: [output_file_id, error_file_id].filter((file): file is string => typeof file === "string" && file !== ""),
});

const at = (id: string): string => `/batches/${encodeURIComponent(id)}`;
const file = (id: string): string => `/files/${encodeURIComponent(id)}`;
const madeMs = ({ created_at: at }: Json): number => (typeof at === "number" ? at * 1_000 : Date.parse(String(at)));

/** While a file is being looked through there. */
const looking = ["pending", "running", "uploading"];

export const byFiles: Kind = {
  most: { lines: 50_000, bytes: 200_000_000 },
  between: "\n",
  line: (_, line, { path, body }) => `{"custom_id":"${line}","method":"POST","url":"/v1${path}","body":${body}}`,

  async stage(calls, { mark, framed }) {
    const boundary = crypto.randomUUID();
    const head = `--${boundary}\r\ncontent-disposition: form-data; name="purpose"\r\n\r\nbatch\r\n--${boundary}\r\n` +
      `content-disposition: form-data; name="file"; filename="${mark}.jsonl"\r\ncontent-type: application/jsonl\r\n\r\n`;
    const uploaded = await calls.send("/files", framed(`multipart/form-data; boundary=${boundary}`, head, `\n\r\n--${boundary}--\r\n`));
    const id = String(uploaded.id);
    await ready(uploaded, ({ status }) => !looking.includes(String(status)), () => calls.get(file(id)));
    return id;
  },

  ask: async (calls, { mark, path }, input) =>
    theirs(await calls.post("/batches", { input_file_id: input, endpoint: `/v1${path}`, completion_window: "24h", metadata: { [markField]: mark } })),

  async find(calls, { mark, file: input, askedAtMs, others }) {
    for (let after = ""; ; ) {
      const { data, has_more: more } = await calls.get(`/batches?limit=${listed}${after}`);
      if (!Array.isArray(data)) throw new GatewayError("upstream_error", "A list of batches is none.");
      const page = data as Json[];
      const found = page.find((one) => (one.metadata as Json | null | undefined)?.[markField] === mark || (input !== undefined && one.input_file_id === input));
      if (found) return { is: "ours", id: String(found.id) };
      const last = page.at(-1);
      if (more !== true || !last || madeMs(last) < askedAtMs - clocksDifferMs) return { is: "none", others };
      after = `&after=${encodeURIComponent(String(last.id))}`;
    }
  },

  get: async (calls, { id }) => theirs(await calls.get(at(id!))),
  cancel: (calls, { id }) => calls.post(`${at(id!)}/cancel`),
  content: (calls, _, place) => calls.content(`${file(place)}/content`),

  answer(_, text) {
    const { custom_id: customId, response } = JSON.parse(text) as { custom_id?: unknown; response?: { status_code?: unknown; request_id?: unknown } | null };
    const [line, status] = [Number(customId), Number(response?.status_code)];
    if (!Number.isInteger(line) || !isAnswer(status)) return undefined;
    const body = rawValue(rawValue(text, "response")!, "body")!;
    const requestId = response!.request_id;
    return { line, status, ...(typeof requestId === "string" && { requestId }), body: status < 300 ? splice(body, { service_tier: '"batch"' }) : body };
  },

  remove: (calls, native, found) => Promise.all([...(found?.answers ?? []), ...(native.file ? [native.file] : [])].map((id) => calls.remove(file(id)).catch(() => {}))),
};
