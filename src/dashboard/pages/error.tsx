/** What a page says when there is nothing to show. */
import type { Context } from "hono";
import type { GatewayError } from "../../errors.ts";
import { ButtonLink, EmptyState } from "../components/parts.tsx";
import { show, type Page } from "../page.tsx";
import type { Room } from "../visit.ts";

const titles: Partial<Record<number, string>> = { 403: "Not for you", 404: "Nothing here", 413: "Too much", 429: "Too often" };

export async function errorPage(c: Context<Room>, { status, message }: GatewayError): Promise<Response> {
  const visit = c.get("visit");
  const title = titles[status] ?? "That did not work";
  // Before anybody knows who visits there is no page around it.
  if (!visit) return c.text(message, status as 404);
  return show(visit, {
    title,
    in: visit.membership || visit.isOperator ? "error" : undefined,
    status: status as Page["status"],
    body: <><h1 class="hidden">{title}</h1><EmptyState icon="alert" title={title} action={<ButtonLink href="/dashboard" look="secondary">To the overview</ButtonLink>}>{message}</EmptyState></>,
  });
}
