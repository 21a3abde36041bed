/** /dashboard/batches: what runs and what has run, and the making of a batch from a file. */
import * as z from "zod";
import { recordAudit } from "../../accounts/audit.ts";
import { retentionOf } from "../../accounts/keeping.ts";
import { noLonger } from "../../accounts/retention.ts";
import { create, endpointsOf, inputOf, listed, newBatchId, runOf, type Face } from "../../batches/index.ts";
import { asGatewayError, newRequestId } from "../../pipeline/index.ts";
import { progressOf } from "../batch-words.ts";
import { Back, Facts, Time } from "../components/facts.tsx";
import { Choice, type Typed } from "../components/field.tsx";
import { Once } from "../components/once.tsx";
import { BatchProgress, BatchState } from "../components/progress.tsx";
import { ButtonLink, Card, Choices, EmptyState, Notice, PageHeader, Submit, Table } from "../components/parts.tsx";
import { money, relative, size } from "../figures.ts";
import { readForm } from "../form.ts";
import { madeAtMs, namedAfter, newFormId, onceField } from "../once.ts";
import { hintOf, ownFile } from "../own-file.ts";
import { show } from "../page.tsx";
import { keyChoices, mayAsk } from "../playground-key.ts";
import { ownKey } from "../own-key.ts";
import { may } from "../rights.ts";
import { go, member, type MemberVisit } from "../visit.ts";

const batchesOnPage = 20;
const filesToChoose = 50;
const outputLivesMs = 30 * 86_400_000;
const endpoints = endpointsOf("file");
/** So long after it was made a form starts its batch: the batch is named after it, and its name tells when. */
const formLivesMs = 86_400_000;
/** Clocks of two machines. */
const skewMs = 60_000;
const schema = z.object({ once: onceField, file: z.string().max(100), endpoint: z.enum(endpoints as [string, ...string[]], "Choose where its lines go."), key: z.string("Choose a key.").min(1, "Choose a key.").max(100) });

async function listPage(visit: MemberVisit): Promise<Response> {
  const { c, env, membership: { organisationId, role }, nowMs } = visit;
  const shape = c.req.query("shape") === "messages" ? "messages" : "file";
  const after = c.req.query("after")?.slice(0, 100);
  const { ids, hasMore } = await listed(env.DB, organisationId, { shape, limit: batchesOnPage, ...(after && { after }) });
  const faces = (await Promise.all(ids.map((id) => runOf(env.BATCH_RUN, organisationId, id).face()))).filter((face): face is Face => face !== undefined);
  const makes = may(role, "use_files");
  const href = (query: Record<string, string>): string => `/dashboard/batches?${new URLSearchParams(query)}`;
  return show(visit, {
    title: "Batches",
    in: "/batches",
    islands: ["progress"],
    body: <>
      <PageHeader title="Batches" lead="Many requests at once, done within a day, each with its limits and its price.">{makes && <ButtonLink href="/dashboard/batches/new" icon="plus">New batch</ButtonLink>}</PageHeader>
      <Choices label="Kind" items={[{ href: "/dashboard/batches", label: "Of files", current: shape === "file" }, { href: href({ shape: "messages" }), label: "Of messages", current: shape === "messages" }]} />
      <Card flush title="Batches">
        {faces.length === 0 ? <EmptyState icon="batch" title={after ? "No more batches" : "No batch yet"} action={makes && shape === "file" && !after ? <ButtonLink href="/dashboard/batches/new">Make one</ButtonLink> : undefined}>{shape === "file" ? "A file with a request in each line becomes one." : "Programs make these by POST /v1/messages/batches."}</EmptyState>
          : <Table caption="Batches" rows={faces.map((face) => ({ ...face, progress: progressOf(face) }))} columns={[
            { label: "Batch", cell: ({ batch }) => <span class="two-lines"><a href={`/dashboard/batches/${batch.id}`}>{batch.model ?? batch.endpoint}</a><code class="note">…{batch.id.slice(-8)}</code></span> },
            { label: "State", cell: ({ progress }) => <BatchState of={progress} /> },
            { label: "Progress", cell: ({ batch, progress }) => <BatchProgress id={batch.id} of={progress} /> },
            { label: "Made", cell: ({ batch }) => <Time ms={batch.createdAtMs}>{relative(batch.createdAtMs, nowMs)}</Time> },
            { label: "Cost", cell: ({ sums }) => money(sums.usage.costNanoUsd / 1e9), numeric: true },
          ]} />}
      </Card>
      {hasMore && <nav class="pages" aria-label="Pages"><ButtonLink look="secondary" href={href({ ...(shape === "messages" && { shape }), after: ids.at(-1)! })}>Older batches</ButtonLink></nav>}
    </>,
  });
}

/** Which file: the newest that are for batches. */
async function choosePage(visit: MemberVisit): Promise<Response> {
  const { isolate, membership: { organisationId }, nowMs } = visit;
  const { data } = await isolate.files.list(organisationId, { purpose: "batch", limit: filesToChoose, order: "desc" }, nowMs);
  return show(visit, {
    title: "New batch",
    in: "/batches",
    body: <>
      <Back href="/dashboard/batches">Batches</Back>
      <PageHeader title="New batch" lead="Choose the file that has a request in each line."><ButtonLink href="/dashboard/files" look="secondary" icon="plus">Upload one</ButtonLink></PageHeader>
      <Card flush title="Files for batches">
        {data.length === 0 ? <EmptyState icon="file" title="No file for a batch yet" action={<ButtonLink href="/dashboard/files">Upload one</ButtonLink>}>Its lines are JSON: custom_id, method, url and body.</EmptyState>
          : <Table caption="Files" rows={data} columns={[
            { label: "Name", cell: ({ id, filename }) => <a href={`/dashboard/batches/new?file=${id}`}>{filename}</a> },
            { label: "Made", cell: ({ createdAtMs }) => <Time ms={createdAtMs}>{relative(createdAtMs, nowMs)}</Time> },
            { label: "Size", cell: ({ bytes }) => size(bytes), numeric: true },
          ]} />}
      </Card>
    </>,
  });
}

async function newPage(visit: MemberVisit, fileId: string, typed?: Typed): Promise<Response> {
  const file = await ownFile(visit, fileId);
  const [hint, keys] = await Promise.all([hintOf(visit, file), keyChoices(visit)]);
  return show(visit, {
    title: "New batch",
    in: "/batches",
    status: typed?.errors ? 422 : 200,
    body: <>
      <Back href="/dashboard/batches/new">Another file</Back>
      <PageHeader title="New batch" lead={file.filename} />
      <Card title="Its first line">
        {hint.problem && <Notice tone="warn">{hint.problem}</Notice>}
        <Facts of={[["Asks for", hint.url ? <code>{hint.url}</code> : "—"], ["Model", hint.model ? <code>{hint.model}</code> : "—"], ["Size of the file", size(file.bytes)]]} />
      </Card>
      {keys.length === 0 ? <Card title="No key"><EmptyState icon="key" title="A batch runs in a key's name" action={<ButtonLink href="/dashboard/keys/new">Create a key</ButtonLink>}>There is none that works now.</EmptyState></Card>
        : <Card title="Run it"><form method="post" action="/dashboard/batches" class="form">
          <Once from={typed} /><input type="hidden" name="file" value={file.id} />
          {typed?.errors?.["file"] && <Notice tone="bad">{typed.errors["file"]}</Notice>}
          <div class="fields-grid">
            <Choice name="endpoint" label="Where its lines go" options={endpoints.map((path) => [path, path] as const)} value={hint.url && endpoints.includes(hint.url) ? hint.url : endpoints[0]} from={typed} hint="Every line must ask for it." />
            <Choice name="key" label="In the name of" options={keys} value={keys[0]![0]} from={typed} hint="Its limits hold, and it is charged." />
          </div>
          <div><Submit icon="batch">Start</Submit></div>
        </form></Card>}
    </>,
  });
}

async function made(visit: MemberVisit): Promise<Response> {
  const { c, env, isolate, by, membership: { organisationId }, nowMs } = visit;
  const form = await readForm(visit, schema);
  if (!form.ok) return form.values["file"] ? newPage(visit, form.values["file"], form) : go(visit, "/batches/new");
  const { once, file, endpoint, key } = form.data;
  const at = madeAtMs(once);
  if (at > nowMs + skewMs || at <= nowMs - formLivesMs) return newPage(visit, file, { values: { ...form.values, once: newFormId() }, errors: { file: "This page was old. Start the batch once more." } });
  try {
    const { id: keyId } = await ownKey(visit, key);
    await mayAsk(visit, keyId);
    const { id: inputFileId } = await inputOf(isolate, organisationId, file);
    const { outputDays } = await retentionOf(env.DB, organisationId);
    const { batch: { id } } = await create(isolate, { organisationId, keyId, request: new Request(c.req.url) }, { shape: "file", endpoint, inputFileId, metadata: null, outputLivesMs: noLonger(outputLivesMs, outputDays), id: newBatchId("file", at, await namedAfter(visit, "batch", once)) });
    await recordAudit(env.DB, by, { action: "batch.create", subject: id, organisationId, detail: { endpoint, inputFileId, keyId } });
    return go(visit, `/batches/${id}`, "The batch has begun.");
  } catch (thrown) {
    const { message } = asGatewayError(thrown, { requestId: newRequestId() });
    return newPage(visit, file, { values: form.values, errors: { file: message } });
  }
}

export const batches = [
  member("see_files", "GET", "/batches", listPage),
  member("use_files", "GET", "/batches/new", (visit) => { const file = visit.c.req.query("file"); return file ? newPage(visit, file) : choosePage(visit); }),
  member("use_files", "POST", "/batches", made),
];
