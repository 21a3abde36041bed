import { Hono } from "hono";
import * as z from "zod";
import { noLonger } from "../accounts/retention.ts";
import { create, endpointsOf, inputOf, isBatchId, listed, openaiBatch, runOf, type Face } from "../batches/index.ts";
import { GatewayError } from "../errors.ts";
import { readBody, readQuery } from "./admin/input.ts";
import { lookedUp, type App } from "./context.ts";

const outputLivesS = { least: 3_600, most: 2_592_000 };

/** https://platform.openai.com/docs/api-reference/batch/create */
export const newSchema = z.object({
  input_file_id: z.string().min(1),
  endpoint: z.enum(endpointsOf("file") as [string, ...string[]]),
  completion_window: z.literal("24h"),
  metadata: z.record(z.string().max(64), z.string().max(512)).refine((pairs) => Object.keys(pairs).length <= 16, "must have at most 16 keys").nullish(),
  output_expires_after: z.object({ anchor: z.literal("created_at"), seconds: z.number().int().min(outputLivesS.least).max(outputLivesS.most) }).nullish(),
});

export const listQuery = z.object({ after: z.string().min(1).optional(), limit: z.coerce.number().int().min(1).max(100).default(20) });

const unknown = (id: string): GatewayError => new GatewayError("not_found", `No batch found with id '${id.slice(0, 100)}'.`);

/** A batch of this organisation. Throws `not_found`. */
const found = (face: Face | undefined, id: string): Face => {
  if (!face || face.batch.shape !== "file") throw unknown(id);
  return face;
};

/** /v1/batches, as OpenAI has it. */
export const batches = new Hono<App>()
  .post("/", async (c) => {
    const { context, principal: { organisationId, keyId, keeps }, headers } = await lookedUp(c);
    const { input_file_id: inputFileId, endpoint, metadata = null, output_expires_after: lives } = await readBody(c, newSchema);
    const { id } = await inputOf(context.isolate, organisationId, inputFileId);
    const wanted = { shape: "file", endpoint, inputFileId: id, metadata, outputLivesMs: noLonger((lives?.seconds ?? outputLivesS.most) * 1_000, keeps?.outputDays) } as const;
    return c.json(openaiBatch(await create(context.isolate, { organisationId, keyId, request: c.req.raw }, wanted)), 200, headers);
  })
  .get("/", async (c) => {
    const { principal: { organisationId }, headers } = await lookedUp(c);
    const { ids, hasMore } = await listed(c.env.DB, organisationId, { shape: "file", ...readQuery(c, listQuery) });
    const faces = await Promise.all(ids.map((id) => runOf(c.env.BATCH_RUN, organisationId, id).face()));
    const data = faces.flatMap((face) => (face ? [openaiBatch(face)] : []));
    return c.json({ object: "list", data, first_id: data[0]?.id ?? null, last_id: data.at(-1)?.id ?? null, has_more: hasMore }, 200, headers);
  })
  .get("/:id", async (c) => {
    const { principal: { organisationId }, headers } = await lookedUp(c);
    const id = c.req.param("id");
    if (!isBatchId(id, "file")) throw unknown(id);
    return c.json(openaiBatch(found(await runOf(c.env.BATCH_RUN, organisationId, id).face(), id)), 200, headers);
  })
  .post("/:id/cancel", async (c) => {
    const { principal: { organisationId }, headers } = await lookedUp(c);
    const id = c.req.param("id");
    if (!isBatchId(id, "file")) throw unknown(id);
    const face = found(await runOf(c.env.BATCH_RUN, organisationId, id).cancel(), id);
    const { status, ending } = face.batch;
    if (ending !== "cancelled") throw new GatewayError("conflict", `Cannot cancel a batch with status '${status}'.`);
    return c.json(openaiBatch(face), 200, headers);
  });
