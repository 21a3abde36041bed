/** What the pages of those who run the gateway have in common: the way between them. */
import type { Child } from "hono/jsx";
import { Notice, PageHeader } from "./components/parts.tsx";
import { show } from "./page.tsx";
import type { Told } from "./settings.tsx";
import type { OperatorVisit } from "./visit.ts";

const operatorPages: readonly { path: string; label: string }[] = [
  { path: "/operator", label: "Overview" },
  { path: "/operator/applications", label: "Applications" },
  { path: "/operator/organisations", label: "Organisations" },
  { path: "/operator/plans", label: "Plans" },
  { path: "/operator/catalog", label: "Catalog" },
  { path: "/operator/prices", label: "Prices" },
  { path: "/operator/health", label: "Health" },
  { path: "/operator/jobs", label: "Jobs" },
];

type Asked = Told & { path: string; title: string; lead?: Child; actions?: Child; above?: Child; body: Child };

/** Answers with a page of the operator's. `path`: the line of the way between them; `above`: the way back from a page behind it. */
export const showOperator = (visit: OperatorVisit, { path, title, lead, actions, above, typed, problem, status, body }: Asked): Promise<Response> => show(visit, {
  title,
  in: "/operator",
  status: status ?? (typed?.errors ? 422 : 200),
  body: <>
    <nav class="subnav" aria-label="Operator"><ul>{operatorPages.map((one) => <li><a href={`/dashboard${one.path}`} aria-current={one.path === path ? "page" : undefined}>{one.label}</a></li>)}</ul></nav>
    {above}
    <PageHeader title={title} lead={lead}>{actions}</PageHeader>
    {problem && <Notice tone="bad">{problem}</Notice>}
    {body}
  </>,
});
