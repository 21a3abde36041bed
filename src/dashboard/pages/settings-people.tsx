/** Who belongs to the organisation, what each may do, and who is invited. */
import * as z from "zod";
import { invite, listInvitations, revokeInvitation, type Invitation } from "../../accounts/invitations.ts";
import { changeRole, listMembers, removeMember, roles, type Member, type Role } from "../../accounts/members.ts";
import { Choice, TextField } from "../components/field.tsx";
import { Once } from "../components/once.tsx";
import { Badge, Card, Notice, Submit, Table } from "../components/parts.tsx";
import { dayOfYear } from "../figures.ts";
import { emailField, readForm } from "../form.ts";
import { digitsAfter, onceField } from "../once.ts";
import { inviting } from "../limits.ts";
import { canMail, sendMail } from "../../mail.ts";
import { invitationMail } from "../mails.ts";
import { may } from "../rights.ts";
import { attempt, settingsPages, showSettings, type Told } from "../settings.tsx";
import { go, member, type MemberVisit } from "../visit.ts";

const path = "/settings/people";
const roleField = z.enum(roles, "Choose a role.");
const memberSchema = z.object({ email: emailField, role: roleField });
const inviteSchema = memberSchema.extend({ once: onceField });
const emailSchema = z.object({ email: emailField });
const leaveSchema = z.object({ leave: z.literal("yes") });

const meanings: Record<Role, string> = {
  owner: "Owner: everything",
  admin: "Admin: everything but money and owners",
  developer: "Developer: keys, models, usage",
  viewer: "Viewer: sees keys, people, usage",
  billing: "Billing: usage and money",
};

/** Roles that somebody may give. */
const givable = (by: Role): readonly Role[] => (by === "owner" ? roles : roles.filter((role) => role !== "owner"));
const optionsFor = (by: Role) => givable(by).map((role) => [role, meanings[role]] as const);

const RoleForm = ({ one, by }: { one: Member; by: Role }) => (
  <details class="more">
    <summary aria-label={`Change ${one.email}`}>Change</summary>
    <div>
      <form method="post" action={`/dashboard${path}/role`} class="form">
        <input type="hidden" name="email" value={one.email} />
        <select name="role" aria-label={`Role of ${one.email}`}>{optionsFor(by).map(([value, label]) => <option value={value} selected={value === one.role}>{label}</option>)}</select>
        <Submit look="secondary">Save the role</Submit>
      </form>
      <form method="post" action={`/dashboard${path}/remove`}><input type="hidden" name="email" value={one.email} /><Submit look="danger" wide>Remove<span class="hidden"> {one.email}</span></Submit></form>
    </div>
  </details>
);

const InvitationForms = ({ one }: { one: Invitation }) => (
  <div class="row">
    <form method="post" action={`/dashboard${path}/invite`}><Once /><input type="hidden" name="email" value={one.email} /><input type="hidden" name="role" value={one.role} /><Submit look="quiet">Send again</Submit></form>
    <form method="post" action={`/dashboard${path}/revoke`}><input type="hidden" name="email" value={one.email} /><Submit look="quiet">Take back</Submit></form>
  </div>
);

async function page(visit: MemberVisit, told: Told = {}): Promise<Response> {
  const { env, isolate, membership: { organisationId, role }, person, nowMs } = visit;
  const changes = may(role, "change_people");
  const [members, invitations] = await Promise.all([listMembers(env.DB, organisationId), listInvitations(env.DB, organisationId)]);
  const changeable = (one: Member): boolean => changes && (role === "owner" || one.role !== "owner");
  return showSettings(visit, {
    ...told, path, title: "People", lead: `Who belongs to ${visit.membership.organisationName}, and what each may do.`,
    body: <>
      {changes && <Card title="Invite somebody" note="They get a link by e-mail. It works for seven days, and for their address only.">
        {!canMail(env, isolate.settings) && <Notice tone="warn">This gateway cannot send e-mail yet. An invitation waits for whoever signs in with its address.</Notice>}
        <form method="post" action={`/dashboard${path}/invite`} class="form line">
          <Once from={told.typed} />
          <TextField name="email" label="E-mail" type="email" from={told.typed} maxlength={254} placeholder="grace@example.com" />
          <Choice name="role" label="Role" options={optionsFor(role)} value="developer" from={told.typed} />
          <Submit icon="mail">Invite</Submit>
        </form>
      </Card>}
      <Card title="Members" note={members.length === 1 ? "One person" : `${members.length} people`} flush>
        <Table caption="Members" rows={members} columns={[
          { label: "Person", cell: ({ email }) => <span class="free">{email}{email === person.email && <> <Badge>you</Badge></>}</span> },
          { label: "Role", cell: (one) => <Badge tone={one.role === "owner" ? "accent" : "neutral"}>{one.role}</Badge> },
          { label: "Since", cell: ({ createdAtMs }) => dayOfYear(createdAtMs) },
          ...(changes ? [{ label: "Change", cell: (one: Member) => (changeable(one) ? <RoleForm one={one} by={role} /> : <span class="note">by an owner</span>) }] : []),
        ]} />
        <div class="end">
          <p class="note">There is always an owner: the last one can neither leave nor become something else.</p>
          <form method="post" action={`/dashboard${path}/leave`}><input type="hidden" name="leave" value="yes" /><Submit look="quiet" icon="leave">Leave the organisation</Submit></form>
        </div>
      </Card>
      {invitations.length > 0 && <Card title="Invitations" note="Not taken up yet" flush>
        <Table caption="Invitations" rows={invitations} columns={[
          { label: "Person", cell: ({ email }) => <span class="free">{email}</span> },
          { label: "Role", cell: (one) => <Badge>{one.role}</Badge> },
          { label: "Invited by", cell: ({ invitedBy }) => invitedBy },
          { label: "Until", cell: ({ expiresAtMs }) => (expiresAtMs <= nowMs ? <Badge tone="warn">expired</Badge> : dayOfYear(expiresAtMs)) },
          ...(changes ? [{ label: "Change", cell: (one: Invitation) => <InvitationForms one={one} /> }] : []),
        ]} />
      </Card>}
    </>,
  });
}

const changerOf = ({ by, membership: { role } }: MemberVisit) => ({ ...by, role });

export const settingsPeople = [
  member("see", "GET", "/settings", (visit) => go(visit, settingsPages.find(({ right }) => may(visit.membership.role, right))!.path)),

  member("see_people", "GET", path, (visit) => page(visit)),

  member("change_people", "POST", `${path}/invite`, async (visit) => {
    const form = await readForm(visit, inviteSchema);
    if (!form.ok) return page(visit, { typed: form });
    const { env, isolate, by, membership: { organisationId, organisationName, role: own } } = visit;
    const { email, role, once } = form.data;
    if (!givable(own).includes(role)) return page(visit, { problem: "Only an owner makes somebody an owner.", status: 403 });
    if ((await inviting(visit, organisationId, email)) > 0) return page(visit, { typed: form, problem: "Too many invitations were sent today. Try again tomorrow.", status: 429 });
    return attempt(async () => {
      const invited = await invite(env.DB, by, organisationId, { email, role }, await digitsAfter(visit, "invitation", once));
      if (!invited) return go(visit, path, `${email} is invited.`);
      const { token, expiresAtMs } = invited;
      const url = `${visit.origin}/dashboard/invitation?token=${token}`;
      const days = Math.round((expiresAtMs - by.nowMs) / 86_400_000);
      visit.c.executionCtx.waitUntil(sendMail(env, isolate.settings, invitationMail({ to: email, organisation: organisationName, role, by: by.actor, url, days })));
      return go(visit, path, `${email} is invited.`);
    }, (told) => page(visit, { typed: { values: form.values }, ...told }));
  }),

  member("change_people", "POST", `${path}/revoke`, async (visit) => {
    const form = await readForm(visit, emailSchema);
    if (!form.ok) return page(visit, { problem: "Say which invitation.", status: 422 });
    return attempt(async () => {
      await revokeInvitation(visit.env.DB, visit.by, visit.membership.organisationId, form.data.email);
      return go(visit, path, "The invitation is taken back: its link opens nothing any more.");
    }, (told) => page(visit, told));
  }),

  member("change_people", "POST", `${path}/role`, async (visit) => {
    const form = await readForm(visit, memberSchema);
    if (!form.ok) return page(visit, { problem: "Say whose role, and which.", status: 422 });
    return attempt(async () => {
      await changeRole(visit.env.DB, changerOf(visit), visit.membership.organisationId, form.data);
      return go(visit, form.data.email === visit.person.email ? "/settings" : path, `${form.data.email} is ${form.data.role} now.`);
    }, (told) => page(visit, told));
  }),

  member("change_people", "POST", `${path}/remove`, async (visit) => {
    const form = await readForm(visit, emailSchema);
    if (!form.ok) return page(visit, { problem: "Say who.", status: 422 });
    return attempt(async () => {
      await removeMember(visit.env.DB, changerOf(visit), visit.membership.organisationId, form.data.email);
      return go(visit, form.data.email === visit.person.email ? "" : path, `${form.data.email} is no member any more.`);
    }, (told) => page(visit, told));
  }),

  member("see_people", "POST", `${path}/leave`, async (visit) => {
    const form = await readForm(visit, leaveSchema);
    if (!form.ok) return page(visit, { problem: "Say that you want to leave.", status: 422 });
    return attempt(async () => {
      await removeMember(visit.env.DB, changerOf(visit), visit.membership.organisationId, visit.person.email);
      return go(visit, "", `You have left ${visit.membership.organisationName}.`);
    }, (told) => page(visit, told));
  }),
];
