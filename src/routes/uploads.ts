import { Hono, type Context } from "hono";
import * as z from "zod";
import { noLonger } from "../accounts/retention.ts";
import { fileNameOf, fileTypeOf, livesOf, purposes, type StoredFile, type Upload } from "../files/index.ts";
import { Form } from "../form.ts";
import { readBody } from "./admin/input.ts";
import { lookedUp, type App } from "./context.ts";
import { formLimits, readForm } from "./file-form.ts";
import { expiresAfterSchema, openaiFiles } from "./file-shapes.ts";

const GiB = 1024 ** 3;
const mostPartBytes = 64 * 1024 * 1024;

export const newSchema = z.object({
  filename: z.string().min(1).max(4_096),
  purpose: z.enum(purposes),
  bytes: z.number().int().min(1).max(8 * GiB),
  mime_type: z.string().max(200),
  expires_after: expiresAfterSchema.nullish(),
});
export const completionSchema = z.object({ part_ids: z.array(z.string().max(100)).min(1).max(2_000), md5: z.string().regex(/^[0-9a-f]{32}$/i, "must be 32 hex digits").nullish() });

const completionBytes = 128 * 1024;

const seconds = (ms: number): number => Math.floor(ms / 1000);
const view = ({ id, bytes, filename, purpose, status, createdAtMs, expiresAtMs }: Upload, file?: StoredFile) => ({
  id, object: "upload", bytes, filename, purpose, status, created_at: seconds(createdAtMs), expires_at: seconds(expiresAtMs), file: file ? openaiFiles.view(file) : null,
});

const idOf = (c: Context): string => c.req.param("id")!;

/** /v1/uploads: a file in parts, to 8 GiB. https://platform.openai.com/docs/api-reference/uploads */
export const uploads = new Hono<App>()
  .post("/", async (c) => {
    const { context, principal, headers } = await lookedUp(c);
    const { filename: said, purpose, bytes, mime_type, expires_after } = await readBody(c, newSchema);
    const filename = fileNameOf(said);
    const upload = { filename, purpose, type: fileTypeOf(mime_type, filename), bytes, fileLivesMs: noLonger(livesOf(purpose, expires_after?.seconds), principal.keeps?.fileDays) };
    return c.json(view(await context.isolate.uploads.create(principal.organisationId, upload, context.startedAtMs)), 200, headers);
  })
  .post("/:id/parts", async (c) => {
    const { context, principal, headers } = await lookedUp(c);
    const { isolate, request, startedAtMs } = context;
    await isolate.uploads.find(principal.organisationId, idOf(c), startedAtMs);
    let partId: string | undefined;
    await readForm(new Form(request, formLimits(mostPartBytes)), { name: "data", fields: [] }, async ({ body }) => {
      partId = await isolate.uploads.add(principal.organisationId, idOf(c), body, { mostBytes: mostPartBytes }, startedAtMs);
    });
    return c.json({ id: partId!, object: "upload.part", upload_id: idOf(c), created_at: seconds(startedAtMs) }, 200, headers);
  })
  .post("/:id/complete", async (c) => {
    const { context, principal, headers } = await lookedUp(c);
    const { part_ids, md5 } = await readBody(c, completionSchema, completionBytes);
    const { upload, file } = await context.isolate.uploads.complete(principal.organisationId, idOf(c), part_ids, md5 ?? undefined, context.startedAtMs);
    return c.json(view(upload, file), 200, headers);
  })
  .post("/:id/cancel", async (c) => {
    const { context, principal, headers } = await lookedUp(c);
    return c.json(view(await context.isolate.uploads.cancel(principal.organisationId, idOf(c), context.startedAtMs)), 200, headers);
  });
