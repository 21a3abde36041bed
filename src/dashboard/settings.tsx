/** What the pages of the settings have in common: the way between them, and what becomes of an action that cannot be done. */
import type { Child } from "hono/jsx";
import { GatewayError } from "../errors.ts";
import { Notice, PageHeader } from "./components/parts.tsx";
import type { Typed } from "./components/field.tsx";
import { show, type Page } from "./page.tsx";
import { may, type Right } from "./rights.ts";
import type { MemberVisit } from "./visit.ts";

/** The pages of the settings, in order, each with who sees it. */
export const settingsPages: readonly { path: string; label: string; right: Right }[] = [
  { path: "/settings/general", label: "General", right: "see" },
  { path: "/settings/people", label: "People", right: "see_people" },
  { path: "/settings/sovereignty", label: "Sovereignty", right: "see" },
  { path: "/settings/guardrails", label: "Guardrails", right: "see_limits" },
  { path: "/settings/models", label: "Models", right: "see_limits" },
  { path: "/settings/budgets", label: "Budgets", right: "see_limits" },
  { path: "/settings/alerts", label: "Alerts", right: "change_limits" },
  { path: "/settings/billing", label: "Billing", right: "see_money" },
  { path: "/settings/providers", label: "Provider keys", right: "see_credentials" },
  { path: "/bodies", label: "Bodies", right: "change_organisation" },
  { path: "/settings/audit", label: "Audit trail", right: "see_audit" },
];

/** What an action has to say on the page that it came from: what was typed, or why it was not done. */
export type Told = { typed?: Typed | undefined; problem?: string; status?: Page["status"] | undefined };

type Settings = Told & { path: string; title: string; lead?: Child; actions?: Child; islands?: readonly string[]; body: Child };

/** Answers with a page of the settings. */
export const showSettings = (visit: MemberVisit, { path, title, lead, actions, islands, typed, problem, status, body }: Settings): Promise<Response> => show(visit, {
  title,
  in: "/settings",
  ...(islands && { islands }),
  status: status ?? (typed?.errors ? 422 : 200),
  body: <>
    <nav class="subnav" aria-label="Settings"><ul>{settingsPages.filter(({ right }) => may(visit.membership.role, right)).map((one) => (
      <li><a href={`/dashboard${one.path}`} aria-current={one.path === path ? "page" : undefined}>{one.label}</a></li>
    ))}</ul></nav>
    <PageHeader title={title} lead={lead}>{actions}</PageHeader>
    {problem && <Notice tone="bad">{problem}</Notice>}
    {body}
  </>,
});

/** Does it, and answers with what comes of it; what cannot be done is said by `refused`, on the page that asked for it. */
export async function attempt(work: () => Promise<Response>, refused: (told: Told) => Response | Promise<Response>): Promise<Response> {
  try {
    return await work();
  } catch (error) {
    if (!(error instanceof GatewayError) || error.status >= 500) throw error;
    return refused({ problem: error.message, status: error.status as Page["status"] });
  }
}
