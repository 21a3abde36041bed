/** /dashboard/batches/{id}: one batch, how far it is, what came of it. */
import { recordAudit } from "../../accounts/audit.ts";
import { getKey } from "../../accounts/key-record.ts";
import { isBatchId, runOf, type Face } from "../../batches/index.ts";
import { GatewayError } from "../../errors.ts";
import { progressOf } from "../batch-words.ts";
import { Back, Facts } from "../components/facts.tsx";
import { BatchProgress, BatchState } from "../components/progress.tsx";
import { ButtonLink, Card, Dialog, PageHeader, Stat, Stats, Submit, Table } from "../components/parts.tsx";
import { count, exactly, moment } from "../figures.ts";
import { show } from "../page.tsx";
import { may } from "../rights.ts";
import { go, member, type MemberVisit } from "../visit.ts";

const errorsShown = 50;
const none = (): GatewayError => new GatewayError("not_found", "There is no such batch.");

/** The object of the batch that the address names: one of the visitor's organisation. Throws `not_found`. */
function runIn({ c, env, membership: { organisationId } }: MemberVisit) {
  const id = c.req.param("id")!;
  if (!isBatchId(id, "file") && !isBatchId(id, "messages")) throw none();
  return runOf(env.BATCH_RUN, organisationId, id);
}

async function ownBatch(visit: MemberVisit): Promise<Face> {
  const face = await runIn(visit).face();
  if (!face) throw none();
  return face;
}

const Download = ({ file, children }: { file: string; children: string }) => <ButtonLink href={`/dashboard/files/${file}/content`} look="secondary" icon="file">{children}</ButtonLink>;

async function batchPage(visit: MemberVisit): Promise<Response> {
  const { env, membership: { role } } = visit;
  const face = await ownBatch(visit);
  const { batch, sums: { completed, failed, usage } } = face;
  const progress = progressOf(face);
  const key = await getKey(env.DB, batch.keyId);
  const uses = may(role, "use_files");
  const at = (ms: number | undefined): string => (ms === undefined ? "—" : moment(ms));
  return show(visit, {
    title: "Batch",
    in: "/batches",
    islands: ["progress"],
    body: <>
      <Back href={`/dashboard/batches${isBatchId(batch.id, "messages") ? "?shape=messages" : ""}`}>Batches</Back>
      <PageHeader title={batch.model ?? batch.endpoint} lead={<><BatchState of={progress} /> <code>{batch.id}</code></>}>
        {uses && batch.written?.output && <Download file={batch.files.output}>Download answers</Download>}
        {uses && batch.written?.errors && <Download file={batch.files.errors}>Download failures</Download>}
      </PageHeader>
      <Card title="Progress" note={progress.over ? undefined : "It goes on by itself; this page shows it as it does."}><BatchProgress id={batch.id} of={progress} /></Card>
      <Stats>
        <Stat label="Answered" value={count(completed)} />
        <Stat label="Failed" value={count(failed)} />
        <Stat label="Tokens" value={count(usage.inputTokens + usage.outputTokens)} note={`${count(usage.inputTokens)} in, ${count(usage.outputTokens)} out`} />
        <Stat label="Cost" value={exactly(usage.costNanoUsd)} />
      </Stats>
      {batch.errors && batch.errors.length > 0 && <Card flush title="What is wrong with its input" note={batch.errors.length > errorsShown ? `The first ${errorsShown} of ${count(batch.errors.length)}` : undefined}>
        <Table caption="What is wrong with its input" rows={batch.errors.slice(0, errorsShown)} columns={[{ label: "Line", cell: ({ line }) => (line === null ? "—" : count(line)) }, { label: "What", cell: ({ message }) => message }, { label: "Code", cell: ({ code }) => <code>{code}</code> }]} />
      </Card>}
      <Card title="About it">
        <Facts of={[
          ["Lines go to", <code>{batch.endpoint}</code>], ["In the name of", key ? <a href={`/dashboard/keys/${key.id}`}>{key.name}</a> : batch.keyId],
          batch.shape === "file" && ["Input", <a href={`/dashboard/files/${batch.inputFileId}`}>{batch.inputFileId}</a>],
          ["Made", at(batch.createdAtMs)], ["Begun", at(batch.inProgressAtMs)], ["Ended", at(batch.completedAtMs ?? batch.failedAtMs ?? batch.expiredAtMs ?? batch.cancelledAtMs)], !progress.over && ["Ends at the latest", at(batch.expiresAtMs)],
        ]} />
      </Card>
      {uses && !progress.over && batch.ending === undefined && <Card title="Cancel" note="What has been answered stays, and is charged.">
        <div><button type="button" class="button danger" data-opens="cancel"><span>Cancel the batch</span></button></div>
        <Dialog id="cancel" title="Cancel this batch?">
          <p>No further line is begun. What was answered can be downloaded.</p>
          <form method="post" action={`/dashboard/batches/${batch.id}/cancel`} class="row"><Submit look="danger">Cancel it</Submit><button type="button" class="button quiet" data-closes><span>Let it run</span></button></form>
        </Dialog>
      </Card>}
    </>,
  });
}

export const batch = [
  member("see_files", "GET", "/batches/:id", batchPage),
  member("see_files", "GET", "/batches/:id/progress", async (visit) => visit.c.json(progressOf(await ownBatch(visit)))),
  member("use_files", "POST", "/batches/:id/cancel", async (visit) => {
    const { env, by, membership: { organisationId } } = visit;
    const face = await runIn(visit).cancel();
    if (!face) throw none();
    const { id, ending } = face.batch;
    if (ending !== "cancelled") return go(visit, `/batches/${id}`, "It had ended already.");
    await recordAudit(env.DB, by, { action: "batch.cancel", subject: id, organisationId });
    return go(visit, `/batches/${id}`, "The batch is being cancelled.");
  }),
];
