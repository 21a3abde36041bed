/** What a person sets for themselves: how it looks, which organisation they are in. */
import * as z from "zod";
import { nextField, readForm } from "../form.ts";
import { anyone, choose, go, person, setTheme, themes } from "../visit.ts";

const themeSchema = z.object({ theme: z.enum(themes).catch("system"), next: nextField });
const organisationSchema = z.object({ organisation: z.string().catch("") });

export const preferences = [
  anyone("POST", "/theme", async (visit) => {
    const form = await readForm(visit, themeSchema);
    if (form.ok) setTheme(visit, form.data.theme);
    return go(visit, form.ok ? form.data.next : "");
  }),
  person("POST", "/organisation", async (visit) => {
    const form = await readForm(visit, organisationSchema);
    const chosen = form.ok && visit.memberships.find(({ organisationId }) => organisationId === form.data.organisation);
    if (!chosen) return go(visit, "", "You do not belong to that organisation.");
    choose(visit, chosen.organisationId);
    return go(visit, "");
  }),
];
