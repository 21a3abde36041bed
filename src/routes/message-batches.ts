import { Hono, type Context } from "hono";
import * as z from "zod";
import { noLonger } from "../accounts/retention.ts";
import { anthropicBatch, create, isBatchId, isOver, listed, newBatchId, requestLines, runOf, unlist, type Batch, type Face } from "../batches/index.ts";
import { GatewayError } from "../errors.ts";
import { readQuery } from "./admin/input.ts";
import { lookedUp, type App } from "./context.ts";

const day = 86_400_000;
/** Results are there for 29 days: https://docs.anthropic.com/en/api/retrieving-message-batch-results */
const resultsLiveMs = 29 * day;
const mostBodyBytes = 256 * 1024 * 1024;

export const listQuery = z.object({ after_id: z.string().min(1).optional(), before_id: z.string().min(1).optional(), limit: z.coerce.number().int().min(1).max(1_000).default(20) });

const unknown = (id: string): GatewayError => new GatewayError("not_found", `There is no message batch '${id.slice(0, 100)}'.`);

/** A batch of this organisation, after `act` on it. Throws `not_found`. */
async function faceOf(c: Context<App>, organisationId: string, act: "face" | "cancel" = "face"): Promise<Face> {
  const id = c.req.param("id")!;
  const face = isBatchId(id, "messages") ? await runOf(c.env.BATCH_RUN, organisationId, id)[act]() : undefined;
  if (!face) throw unknown(id);
  return face;
}

/** Where results are, for whoever asks: at the origin that was asked. */
const shown = (c: Context<App>, face: Face): Record<string, unknown> => anthropicBatch(face, ({ id }: Batch) => `${new URL(c.req.url).origin}/v1/messages/batches/${id}/results`);

/** /v1/messages/batches, as Anthropic has it: https://docs.anthropic.com/en/api/creating-message-batches */
export const messageBatches = new Hono<App>()
  .post("/", async (c) => {
    const { context: { isolate }, principal: { organisationId, keyId, keeps }, headers } = await lookedUp(c);
    if (!/^application\/json\s*(;|$)/i.test(c.req.header("content-type") ?? "application/json")) throw new GatewayError("unsupported_media_type", "Send JSON with content-type: application/json.");
    const encoding = c.req.header("content-encoding");
    if (encoding !== undefined && encoding !== "identity") throw new GatewayError("unsupported_media_type", "Send the request body without content-encoding.");
    if (Number(c.req.header("content-length") ?? 0) > mostBodyBytes) throw new GatewayError("request_too_large", `The request body is larger than ${mostBodyBytes / 1024 / 1024} MiB.`);
    const now = Date.now();
    const id = newBatchId("messages", now);
    let total = 0;
    const lines = requestLines((c.req.raw.body ?? new Blob().stream()) as unknown as AsyncIterable<Uint8Array>, (count) => (total = count));
    const file = await isolate.files.put(organisationId, { filename: `${id}.jsonl`, purpose: "batch", type: "application/jsonl", expiresAtMs: now + 2 * day }, lines, { mostBytes: mostBodyBytes }, now);
    const wanted = { shape: "messages", endpoint: "/v1/messages", inputFileId: file.id, metadata: null, outputLivesMs: noLonger(resultsLiveMs, keeps?.outputDays), id, total } as const;
    return c.json(shown(c, await create(isolate, { organisationId, keyId, request: c.req.raw }, wanted)), 200, headers);
  })
  .get("/", async (c) => {
    const { principal: { organisationId }, headers } = await lookedUp(c);
    const { after_id: after, before_id: before, limit } = readQuery(c, listQuery);
    const { ids, hasMore } = await listed(c.env.DB, organisationId, { shape: "messages", after, before, limit });
    const faces = await Promise.all(ids.map((id) => runOf(c.env.BATCH_RUN, organisationId, id).face()));
    const data = faces.flatMap((face) => (face ? [shown(c, face)] : []));
    return c.json({ data, has_more: hasMore, first_id: data[0]?.id ?? null, last_id: data.at(-1)?.id ?? null }, 200, headers);
  })
  .get("/:id", async (c) => {
    const { principal: { organisationId }, headers } = await lookedUp(c);
    return c.json(shown(c, await faceOf(c, organisationId)), 200, headers);
  })
  .post("/:id/cancel", async (c) => {
    const { principal: { organisationId }, headers } = await lookedUp(c);
    const face = await faceOf(c, organisationId, "cancel");
    if (face.batch.ending !== "cancelled") throw new GatewayError("conflict", `The batch ${face.batch.id} cannot be canceled any more.`);
    return c.json(shown(c, face), 200, headers);
  })
  .get("/:id/results", async (c) => {
    const { context: { isolate }, principal: { organisationId }, headers } = await lookedUp(c);
    const { batch } = await faceOf(c, organisationId);
    const file = batch.written?.output ? await isolate.files.find(organisationId, batch.files.output, Date.now()) : undefined;
    const body = file && (await isolate.files.read(file));
    if (!body) throw new GatewayError("not_found", `The batch ${batch.id} has no results${isOver(batch) ? " any more" : " yet"}.`);
    return new Response(body, { headers: { ...headers, "content-type": "application/x-jsonl" } });
  })
  .delete("/:id", async (c) => {
    const { context: { isolate }, principal: { organisationId }, headers } = await lookedUp(c);
    const { batch } = await faceOf(c, organisationId);
    if (!isOver(batch)) throw new GatewayError("conflict", `The batch ${batch.id} has not ended: cancel it first.`);
    for (const id of [batch.files.output, batch.inputFileId]) await isolate.files.delete(organisationId, id);
    if (!(await runOf(c.env.BATCH_RUN, organisationId, batch.id).forget())) throw new GatewayError("limiter_unavailable", "The batch cannot be deleted right now.", { retryAfterSeconds: 5 });
    await unlist(c.env.DB, batch.id);
    return c.json({ id: batch.id, type: "message_batch_deleted" }, 200, headers);
  });
