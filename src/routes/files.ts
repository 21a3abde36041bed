import { Hono, type Context } from "hono";
import { refuseInput } from "../batches/index.ts";
import { GatewayError } from "../errors.ts";
import type { StoredFile } from "../files/index.ts";
import { lookedUp, type App } from "./context.ts";
import { answerContent } from "./file-content.ts";
import { takeFile } from "./file-form.ts";
import { shapeFor } from "./file-shapes.ts";

/** /v1/files: the organisation's files, in OpenAI's shape; in Anthropic's for its clients, also under /v1/v1. One shape's files are the other's too. */
export const files = new Hono<App>()
  .post("/", async (c) => {
    const { context, principal, headers } = await lookedUp(c);
    const shape = shapeFor(c.req.raw.headers);
    return c.json(shape.view(await takeFile(context, principal, shape)), 200, headers);
  })
  .get("/", async (c) => {
    const { context, principal, headers } = await lookedUp(c);
    const { question, view } = shapeFor(c.req.raw.headers).list(c);
    return c.json(view(await context.isolate.files.list(principal.organisationId, question, context.startedAtMs)), 200, headers);
  })
  .get("/:id", async (c) => {
    const { file, headers } = await found(c);
    return c.json(shapeFor(c.req.raw.headers).view(file), 200, headers);
  })
  .get("/:id/content", async (c) => {
    const { file, context, headers } = await found(c);
    return answerContent(c, context, file, headers);
  })
  .delete("/:id", async (c) => {
    const { context, principal, headers } = await lookedUp(c);
    const id = c.req.param("id");
    const file = await context.isolate.files.find(principal.organisationId, id, context.startedAtMs);
    if (file) await refuseInput(context.isolate.env.DB, principal.organisationId, file.id);
    if (!file || !(await context.isolate.files.delete(principal.organisationId, id))) throw noSuchFile(id);
    return c.json(shapeFor(c.req.raw.headers).deleted(file.id), 200, headers);
  });

const noSuchFile = (id: string): GatewayError => new GatewayError("not_found", `There is no file ${JSON.stringify(id.slice(0, 100))}.`, { param: "id" });

/** The file that the URL names. Throws `not_found` for everybody else's. */
async function found(c: Context<App>): Promise<{ file: StoredFile } & Awaited<ReturnType<typeof lookedUp>>> {
  const caller = await lookedUp(c);
  const { context, principal } = caller;
  const id = c.req.param("id")!;
  const file = await context.isolate.files.find(principal.organisationId, id, context.startedAtMs);
  if (!file) throw noSuchFile(id);
  return { ...caller, file };
}
