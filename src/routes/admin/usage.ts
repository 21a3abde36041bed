import { Hono } from "hono";
import { getOrganisation, noSuchOrganisation } from "../../accounts/organisations.ts";
import type { App } from "../context.ts";
import { answerUsage, usageQuery } from "../usage.ts";
import { idSchema, readQuery } from "./input.ts";

export const adminQuery = usageQuery.extend({ organisation: idSchema });

/** Any organisation's usage, by the same questions as /dashboard/usage; `member` makes it one person's. */
export const usage = new Hono<App>().get("/", async (c) => {
  const { organisation, ...query } = readQuery(c, adminQuery);
  if (!(await getOrganisation(c.env.DB, organisation))) throw noSuchOrganisation(organisation);
  return answerUsage(c, { organisationId: organisation, usageScope: "organisation" }, query);
});
