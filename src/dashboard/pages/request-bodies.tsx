/** What requests said and were answered: whether it is kept, which an organisation decides, and what was kept of one. */
import * as z from "zod";
import { bodyDaysOf, keepBodies } from "../../accounts/keeping.ts";
import { adopt, type Bodies } from "../../pipeline/index.ts";
import { Choice, type Typed } from "../components/field.tsx";
import { Card, Code, Notice, Submit } from "../components/parts.tsx";
import { count } from "../figures.ts";
import { readForm } from "../form.ts";
import { may } from "../rights.ts";
import { showSettings } from "../settings.tsx";
import { go, member, type MemberVisit } from "../visit.ts";

const mostBodyDays = 30;
const choices = [["0", "Not at all"], ["1", "A day"], ["3", "3 days"], ["7", "7 days"], ["14", "14 days"], ["30", "30 days"]] as const;
const schema = z.object({ days: z.string().regex(/^\d{1,2}$/, "Days, please.").transform(Number).pipe(z.number().max(mostBodyDays, `At most ${mostBodyDays} days.`)) });

async function settingPage(visit: MemberVisit, typed?: Typed): Promise<Response> {
  const days = await bodyDaysOf(visit.env.DB, visit.membership.organisationId);
  const value = String(days);
  return showSettings(visit, {
    path: "/bodies", title: "Bodies of requests", lead: "What was asked and answered, kept for whoever looks for a mistake. Nothing is kept unless you want it.", typed,
    body: <>
      <Card>
        <ul class="facts">
          <li>256 KiB of each request and of each answer, sealed with a key of its own. Headers, files and sound are not kept.</li>
          <li>Owners, admins and developers of {visit.membership.organisationName} read them on a request's page; nobody else.</li>
          <li>Never of sovereign requests.</li>
          <li>What is kept is hidden as soon as its days are over, or you keep nothing any more, and deleted in the night after the days it was kept for.</li>
        </ul>
        <form method="post" action="/dashboard/bodies" class="form">
          <Choice name="days" label="Keep them for" from={typed} value={value} options={choices.some(([one]) => one === value) ? choices : [...choices, [value, `${value} days`]]} />
          <div><Submit>Save</Submit></div>
        </form>
      </Card>
    </>,
  });
}

const Text = ({ title, text, bytes, whole }: { title: string; text: string | undefined; bytes: number; whole: boolean }) => (
  text === undefined ? <p class="note">{title}: not kept, it is no text.</p> : <>
    <p class="note">{title}{whole ? "" : `: the beginning of ${count(bytes)} bytes`}</p>
    <Code text={text} label={title} />
  </>
);

/** A card with what was kept of a request, for whom may read it. */
export async function BodiesCard({ visit, id }: { visit: MemberVisit; id: string }) {
  const { env, isolate, membership: { organisationId, role }, nowMs } = visit;
  if (!may(role, "see_bodies")) return null;
  const days = await bodyDaysOf(env.DB, organisationId);
  const bodies: Bodies | undefined = days > 0 ? await isolate.bodies.find({ organisationId, id, days }, nowMs) : undefined;
  const setting = may(role, "change_organisation") && <a href="/dashboard/bodies">Decide whether they are kept</a>;
  return (
    <Card title="Bodies" note={bodies ? <>Kept for {days === 1 ? "a day" : `${days} days`}. {setting}</> : undefined}>
      {bodies ? <><Text title="Request" {...bodies.request} /><Text title="Answer" {...bodies.response} /></>
        : <Notice>{days === 0 ? "Your organisation keeps no bodies." : "Nothing was kept of this request, or its time is over. Of sovereign requests nothing ever is."} {setting}</Notice>}
    </Card>
  );
}

export const requestBodies = [
  member("change_organisation", "GET", "/bodies", (visit) => settingPage(visit)),
  member("change_organisation", "POST", "/bodies", async (visit) => {
    const form = await readForm(visit, schema);
    if (!form.ok) return settingPage(visit, form);
    await adopt(visit.env, await keepBodies(visit.env.DB, visit.by, visit.membership.organisationId, form.data.days));
    return go(visit, "/bodies", form.data.days === 0 ? "Bodies are not kept any more." : "Bodies are kept from the next request on.");
  }),
];
