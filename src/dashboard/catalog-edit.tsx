/** What the operator's pages of the catalog have in common: the way between them, and an edit that is asked about before it is stored. */
import type { Child } from "hono/jsx";
import { DoubtedEdit } from "../catalog/edit-doubts.ts";
import { Check } from "./components/field.tsx";
import { Choices, Notice } from "./components/parts.tsx";
import { attempt, type Told } from "./settings.tsx";

export const catalogPath = "/operator/catalog";
export const aliasesPath = `${catalogPath}/aliases`;
export const modelHref = (id: string): string => `${catalogPath}/of?${new URLSearchParams({ model: id })}`;
export const deploymentHref = (provider: string, upstreamId: string): string => `${catalogPath}/deployment?${new URLSearchParams({ provider, model: upstreamId })}`;
export const aliasHref = (name: string): string => `${aliasesPath}/of?${new URLSearchParams({ name })}`;

/** How soon an edit is at work everywhere. */
export const soon = "Within a minute it holds everywhere.";

export const CatalogTabs = ({ at }: { at: "models" | "aliases" }) => (
  <Choices label="Catalog" items={[{ href: `/dashboard${catalogPath}`, label: "Models", current: at === "models" }, { href: `/dashboard${aliasesPath}`, label: "Everyone's aliases", current: at === "aliases" }]} />
);

/** `doubts`: what speaks against what was sent; `about`: which of a page's forms it was. */
export type Asked = Told & { doubts?: readonly string[]; about?: string };

/** What speaks against an edit, where it was asked about. */
export const Doubts = ({ of, children }: { of: readonly string[]; children?: Child }) => (of.length === 0 ? null : (
  <Notice tone="warn"><p>{children ?? "That looks like a slip. Nothing is stored yet."}</p><ul>{of.map((doubt) => <li>{doubt}</li>)}</ul></Notice>
));
export const Confirm = ({ doubts }: { doubts: readonly string[] }) => (doubts.length === 0 ? null : <Check name="confirm" label="It is meant as it is" />);

/** Does it, and answers with what comes of it; what is doubted or cannot be done is said on the page that asked for it. */
export const attemptEdit = (work: () => Promise<Response>, refused: (asked: Asked) => Response | Promise<Response>): Promise<Response> => attempt(async () => {
  try {
    return await work();
  } catch (error) {
    if (error instanceof DoubtedEdit) return refused({ doubts: error.doubts, status: 409 });
    throw error;
  }
}, refused);
