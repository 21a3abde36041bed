/** The pages of those who run the gateway. */
import { operatorApplications } from "./operator-applications.tsx";
import { operatorHealth } from "./operator-health.tsx";
import { operatorJobs } from "./operator-jobs.tsx";
import { operatorOrganisation } from "./operator-organisation.tsx";
import { operatorOrganisations } from "./operator-organisations.tsx";
import { operatorOverview } from "./operator-overview.tsx";
import { operatorPlans } from "./operator-plans.tsx";
import { operatorPrices } from "./operator-prices.tsx";

export const operators = [
  ...operatorOverview,
  ...operatorApplications,
  ...operatorOrganisations,
  ...operatorOrganisation,
  ...operatorPlans,
  ...operatorPrices,
  ...operatorHealth,
  ...operatorJobs,
];
