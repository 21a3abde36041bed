/** The pages of those who run the gateway. */
import { operatorAliases } from "./operator-aliases.tsx";
import { operatorApplications } from "./operator-applications.tsx";
import { operatorCatalog } from "./operator-catalog.tsx";
import { operatorDeployment } from "./operator-deployment.tsx";
import { operatorHealth } from "./operator-health.tsx";
import { operatorJobs } from "./operator-jobs.tsx";
import { operatorModel } from "./operator-model.tsx";
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
  ...operatorCatalog,
  ...operatorModel,
  ...operatorDeployment,
  ...operatorAliases,
  ...operatorPrices,
  ...operatorHealth,
  ...operatorJobs,
];
