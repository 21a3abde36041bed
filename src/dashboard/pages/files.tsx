/** /dashboard/files: the organisation's files, and the way to more. */
import { recordAudit } from "../../accounts/audit.ts";
import { refuseInput } from "../../batches/index.ts";
import { GatewayError } from "../../errors.ts";
import { dispositionOf, mostFileBytes, type StoredFile } from "../../files/index.ts";
import { answerHeaders, asGatewayError, newRequestId } from "../../pipeline/index.ts";
import { Back, Facts, Time } from "../components/facts.tsx";
import { Choice, type Typed } from "../components/field.tsx";
import { ButtonLink, Card, Dialog, EmptyState, PageHeader, Submit, Table } from "../components/parts.tsx";
import { moment, relative, size } from "../figures.ts";
import { ownFile } from "../own-file.ts";
import { show, type Page } from "../page.tsx";
import { may } from "../rights.ts";
import { lives, takeUpload } from "../upload.ts";
import { go, leave, member, type MemberVisit } from "../visit.ts";

const filesOnPage = 25;
const purposeWords = [["batch", "Input of a batch"], ["user_data", "To be sent to models"], ["vision", "Images for models"], ["assistants", "Assistants"], ["fine-tune", "Fine-tuning"], ["evals", "Evaluations"]] as const;
const wordsOf = (purpose: string): string => purposeWords.find(([name]) => name === purpose)?.[1] ?? (purpose === "batch_output" ? "Output of a batch" : purpose);
const idIn = ({ c }: MemberVisit): string => c.req.param("id")!;

const Upload = ({ from }: { from?: Typed }) => (
  <Card title="Upload" note={`One file of at most ${size(mostFileBytes)}. It is stored encrypted, and appears once all of it has arrived.`}>
    <form method="post" action="/dashboard/files" enctype="multipart/form-data" class="form" data-upload>
      <div class="fields-grid">
        <Choice name="purpose" label="What it is for" options={purposeWords} value="batch" />
        <Choice name="lives" label="Keep it for" options={lives} value="" hint="Input of a batch: 30 days." />
        <div class={`field${from?.errors ? " wrong" : ""}`}>
          <label for="file">File</label>
          <input id="file" type="file" name="file" required aria-describedby={from?.errors ? "file-error" : undefined} aria-invalid={from?.errors ? "true" : undefined} />
          {from?.errors && <p class="error" id="file-error">{from.errors["file"]}</p>}
        </div>
      </div>
      <div class="stack" data-upload-state hidden><progress class="bar" max={1} value={0} aria-label="Uploaded" data-upload-progress></progress><p class="note" role="status" data-upload-words></p></div>
      <p class="error" role="alert" data-upload-problem hidden></p>
      <div class="row"><Submit icon="plus">Upload</Submit><button type="button" class="button secondary" data-upload-stop hidden><span>Stop</span></button></div>
    </form>
  </Card>
);

const Expiry = ({ of: { expiresAtMs }, nowMs }: { of: StoredFile; nowMs: number }) => (expiresAtMs === undefined ? <span class="note">never</span> : <Time ms={expiresAtMs}>{relative(expiresAtMs, nowMs)}</Time>);

async function listPage(visit: MemberVisit, from?: Typed, status?: Page["status"]): Promise<Response> {
  const { c, isolate, membership: { organisationId, role }, nowMs } = visit;
  const after = c.req.query("after")?.slice(0, 100);
  const { data, hasMore } = await isolate.files.list(organisationId, { limit: filesOnPage, order: "desc", ...(after && { after }) }, nowMs);
  const uses = may(role, "use_files");
  return show(visit, {
    title: "Files",
    in: "/files",
    islands: ["upload"],
    status: status ?? 200,
    body: <>
      <PageHeader title="Files" lead="What your programs and batches have put here, and what batches have written." />
      {uses && <Upload from={from} />}
      <Card flush title="Files">
        {data.length === 0 ? <EmptyState icon="file" title={after ? "No more files" : "No file yet"}>A file of requests becomes a batch; others can be sent to models by their id.</EmptyState>
          : <Table caption="Files" rows={data} columns={[
            { label: "Name", cell: (file) => <span class="two-lines"><a href={`/dashboard/files/${file.id}`}>{file.filename}</a></span> },
            { label: "For", cell: ({ purpose }) => wordsOf(purpose) },
            { label: "Made", cell: ({ createdAtMs }) => <Time ms={createdAtMs}>{relative(createdAtMs, nowMs)}</Time> },
            { label: "Expires", cell: (file) => <Expiry of={file} nowMs={nowMs} /> },
            { label: "Size", cell: ({ bytes }) => size(bytes), numeric: true },
          ]} />}
      </Card>
      {hasMore && <nav class="pages" aria-label="Pages"><ButtonLink look="secondary" href={`/dashboard/files?${new URLSearchParams({ after: data.at(-1)!.id })}`}>Older files</ButtonLink></nav>}
    </>,
  });
}

/** Takes a file: of the form by itself, or of islands/upload.ts, which asks for JSON. */
async function uploaded(visit: MemberVisit): Promise<Response> {
  const { c, env, by, membership: { organisationId, suspendedFor } } = visit;
  const byIsland = c.req.header("accept") === "application/json";
  try {
    if (suspendedFor !== undefined) throw new GatewayError("organisation_suspended", "The organisation is suspended: no file can be added.");
    const file = await takeUpload(visit);
    await recordAudit(env.DB, by, { action: "file.create", subject: file.id, organisationId, detail: { filename: file.filename, purpose: file.purpose, bytes: file.bytes } });
    if (!byIsland) return go(visit, `/files/${file.id}`, `${file.filename} is there.`);
    leave(visit, `${file.filename} is there.`);
    return c.json({ next: `/dashboard/files/${file.id}` });
  } catch (thrown) {
    const { status, message } = asGatewayError(thrown, { requestId: newRequestId() });
    if (byIsland) return c.json({ problem: message }, status as 400);
    return listPage(visit, { errors: { file: message } }, (status === 400 ? 422 : status) as Page["status"]);
  }
}

async function filePage(visit: MemberVisit): Promise<Response> {
  const { membership: { role } } = visit;
  const file = await ownFile(visit, idIn(visit));
  const uses = may(role, "use_files");
  return show(visit, {
    title: file.filename,
    in: "/files",
    body: <>
      <Back href="/dashboard/files">Files</Back>
      <PageHeader title={file.filename} lead={wordsOf(file.purpose)}>
        {uses && file.purpose === "batch" && <ButtonLink href={`/dashboard/batches/new?file=${file.id}`} icon="batch">Make a batch of it</ButtonLink>}
        {uses && <ButtonLink href={`/dashboard/files/${file.id}/content`} look="secondary" icon="file">Download</ButtonLink>}
      </PageHeader>
      <Card title="What it is">
        <Facts of={[["Size", size(file.bytes)], ["Type", <code>{file.type}</code>], ["Made", moment(file.createdAtMs)], ["Expires", file.expiresAtMs === undefined ? "Never" : moment(file.expiresAtMs)], ["Id", <code>{file.id}</code>]]} />
      </Card>
      {uses && <Card title="Delete" note="It is gone at once, for everybody.">
        <div><button type="button" class="button danger" data-opens="delete"><span>Delete</span></button></div>
        <Dialog id="delete" title={`Delete ${file.filename}?`}>
          <p>A batch that still reads it fails.</p>
          <form method="post" action={`/dashboard/files/${file.id}/delete`} class="row"><Submit look="danger">Delete it</Submit><button type="button" class="button quiet" data-closes><span>Keep it</span></button></form>
        </Dialog>
      </Card>}
    </>,
  });
}

/** The bytes, for saving and never for running. */
async function content(visit: MemberVisit): Promise<Response> {
  const file = await ownFile(visit, idIn(visit));
  const bytes = await visit.isolate.files.read(file);
  if (!bytes) throw new GatewayError("not_found", "The file has been deleted.");
  const headers = { ...answerHeaders(newRequestId(), undefined, file.type), "content-disposition": dispositionOf(file.filename), "content-length": String(file.bytes) };
  return new Response(bytes.pipeThrough(new FixedLengthStream(file.bytes)), { headers });
}

export const files = [
  member("see_files", "GET", "/files", (visit) => listPage(visit)),
  member("use_files", "POST", "/files", uploaded),
  member("see_files", "GET", "/files/:id", filePage),
  member("use_files", "GET", "/files/:id/content", content),
  member("use_files", "POST", "/files/:id/delete", async (visit) => {
    const { env, isolate, by, membership: { organisationId } } = visit;
    const { id, filename } = await ownFile(visit, idIn(visit));
    await refuseInput(env.DB, organisationId, id);
    if (!(await isolate.files.delete(organisationId, id))) throw new GatewayError("not_found", "There is no such file.");
    await recordAudit(env.DB, by, { action: "file.delete", subject: id, organisationId, detail: { filename } });
    return go(visit, "/files", `${filename} is deleted.`);
  }),
];
