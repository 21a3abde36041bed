/** What outlives its request: batches under way, what of them could not be delivered, films. */
import * as z from "zod";
import { recordAudit } from "../../accounts/audit.ts";
import { deadLetters, isOver, openBatches, runOf, type Face } from "../../batches/index.ts";
import { newestVideos } from "../../videos/index.ts";
import { Time } from "../components/facts.tsx";
import { Badge, Card, EmptyState, Submit, Table } from "../components/parts.tsx";
import { count, relative } from "../figures.ts";
import { readForm } from "../form.ts";
import { showOperator } from "../operator.tsx";
import type { Told } from "../settings.tsx";
import { go, operator, type OperatorVisit } from "../visit.ts";

const path = "/operator/jobs";
/** Each is asked of its own object. */
const mostAsked = 30;
const mostLetters = 30;
const cancelSchema = z.object({ organisation: z.string().min(1).max(64), batch: z.string().min(1).max(100) });
const videoTones = { completed: "good", failed: "bad" } as const;

const Organisation = ({ id }: { id: string }) => <a href={`/dashboard/operator/organisations/${encodeURIComponent(id)}`}>{id}</a>;

const State = ({ of, nowMs }: { of: Face | undefined; nowMs: number }) => (!of ? <Badge tone="bad">unknown to its object</Badge>
  : <span class="row"><Badge tone={isOver(of.batch) ? "good" : "accent"}>{of.batch.status.replace("_", " ")}</Badge>{!isOver(of.batch) && of.batch.expiresAtMs < nowMs && <Badge tone="bad">late</Badge>}</span>);

async function page(visit: OperatorVisit, told: Told = {}): Promise<Response> {
  const { env, nowMs } = visit;
  const [open, dead, films] = await Promise.all([openBatches(env.DB, mostAsked + 1), deadLetters(env.DB, mostLetters), newestVideos(env.DB, mostAsked)]);
  const [batches, letters, videos] = await Promise.all([
    Promise.all(open.slice(0, mostAsked).map(async ({ id, organisationId }) => ({ id, organisationId, face: await runOf(env.BATCH_RUN, organisationId, id).face() }))),
    Promise.all(dead.map(async (letter) => ({ ...letter, face: await runOf(env.BATCH_RUN, letter.organisationId, letter.batchId).face() }))),
    Promise.all(films.map(async (film) => ({ ...film, video: (await env.VIDEO_JOB.getByName(`${film.organisationId}/${film.id}`).look())?.video }))),
  ]);
  const when = (ms: number) => <Time ms={ms}>{relative(ms, nowMs)}</Time>;
  return showOperator(visit, {
    ...told, path, title: "Jobs", lead: "What goes on behind requests. What is left over is taken up by itself: nothing has to be sent anew.",
    body: <>
      <Card title="Batches under way" note={open.length > mostAsked ? `The oldest ${mostAsked}` : undefined} flush>
        {batches.length === 0 ? <EmptyState icon="batch" title="None">No batch is under way.</EmptyState> : <Table caption="Batches that are not over, the oldest first" rows={batches} columns={[
          { label: "Batch", cell: ({ id, organisationId }) => <span class="two-lines"><code>{id}</code><Organisation id={organisationId} /></span> },
          { label: "State", cell: ({ face }) => <State of={face} nowMs={nowMs} /> },
          { label: "Answered", cell: ({ face }) => (face ? `${count(face.sums.completed)} of ${count(face.batch.total)}` : "–"), numeric: true },
          { label: "Failed", cell: ({ face }) => (face ? count(face.sums.failed) : "–"), numeric: true },
          { label: "Begun", cell: ({ face }) => (face ? when(face.batch.createdAtMs) : "–") },
          { label: "Change", cell: ({ id, organisationId, face }) => (!face || isOver(face.batch) || face.batch.ending ? <span class="note">–</span> : (
            <form method="post" action={`/dashboard${path}/cancel`}><input type="hidden" name="organisation" value={organisationId} /><input type="hidden" name="batch" value={id} /><Submit look="secondary">Cancel<span class="hidden"> {id}</span></Submit></form>
          )) },
        ]} />}
      </Card>
      <Card title="Dead letters" note="Messages about parts of batches that the queue gave up, as a rule because a batch's object could not be reached. The object has sent them anew since: none of its lines is lost" flush>
        {letters.length === 0 ? <EmptyState icon="check" title="None">All word of batches has arrived.</EmptyState> : <Table caption="Dead letters, the latest first" rows={letters} columns={[
          { label: "Batch", cell: ({ batchId, organisationId }) => <span class="two-lines"><code>{batchId}</code><Organisation id={organisationId} /></span> },
          { label: "Part", cell: ({ part }) => String(part), numeric: true },
          { label: "When", cell: ({ atMs }) => when(atMs) },
          { label: "The batch now", cell: ({ face }) => <State of={face} nowMs={nowMs} /> },
        ]} />}
      </Card>
      <Card title="Films" note={films.length === mostAsked ? `The newest ${mostAsked}` : undefined} flush>
        {videos.length === 0 ? <EmptyState icon="play" title="None">Nobody has asked for a film.</EmptyState> : <Table caption="Films, the newest first" rows={videos} columns={[
          { label: "Film", cell: ({ id, organisationId }) => <span class="two-lines"><code>{id}</code><Organisation id={organisationId} /></span> },
          { label: "State", cell: ({ video }) => (video ? <Badge tone={videoTones[video.status as keyof typeof videoTones] ?? "accent"}>{video.status.replace("_", " ")}</Badge> : <Badge>deleted</Badge>) },
          { label: "Begun", cell: ({ createdAtMs }) => when(createdAtMs) },
        ]} />}
      </Card>
    </>,
  });
}

export const operatorJobs = [
  operator("GET", path, (visit) => page(visit)),
  operator("POST", `${path}/cancel`, async (visit) => {
    const form = await readForm(visit, cancelSchema);
    const run = form.ok ? runOf(visit.env.BATCH_RUN, form.data.organisation, form.data.batch) : undefined;
    const face = await run?.face();
    if (!form.ok || !face) return page(visit, { problem: "Say which batch.", status: 422 });
    if (isOver(face.batch)) return go(visit, path, "It is over already.");
    await run!.cancel();
    await recordAudit(visit.env.DB, visit.by, { action: "batch.cancel", subject: face.batch.id, organisationId: face.batch.organisationId });
    return go(visit, path, "No more of its lines are begun.");
  }),
];
