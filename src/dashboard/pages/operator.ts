/** The pages of those who run the gateway. */
import { go, operator } from "../visit.ts";
import { operatorApplications } from "./operator-applications.tsx";
import { operatorOrganisation } from "./operator-organisation.tsx";
import { operatorOrganisations } from "./operator-organisations.tsx";

export const operators = [
  operator("GET", "/operator", (visit) => go(visit, "/operator/applications")),
  ...operatorApplications,
  ...operatorOrganisations,
  ...operatorOrganisation,
];
