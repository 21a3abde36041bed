/** Every page and action of the dashboard, with who gets in. The test of all roles × all routes is made of this list. */
import { account } from "./pages/account.tsx";
import { accountWays } from "./pages/account-ways.tsx";
import { aliases } from "./pages/aliases.tsx";
import { batches } from "./pages/batches.tsx";
import { batch } from "./pages/batch.tsx";
import { files } from "./pages/files.tsx";
import { firstKey } from "./pages/first-key.tsx";
import { invitation } from "./pages/invitation.tsx";
import { key } from "./pages/key.tsx";
import { keys } from "./pages/keys.tsx";
import { model } from "./pages/model.tsx";
import { models } from "./pages/models.tsx";
import { operators } from "./pages/operator.ts";
import { overview } from "./pages/overview.tsx";
import { passkeys } from "./pages/passkeys.tsx";
import { playground } from "./pages/playground.tsx";
import { preferences } from "./pages/preferences.ts";
import { requestBodies } from "./pages/request-bodies.tsx";
import { request } from "./pages/request.tsx";
import { requests } from "./pages/requests.tsx";
import { settingsAudit } from "./pages/settings-audit.tsx";
import { settingsBilling } from "./pages/settings-billing.tsx";
import { settingsAlerts } from "./pages/settings-alerts.tsx";
import { settingsBudgets } from "./pages/settings-budgets.tsx";
import { settingsGeneral } from "./pages/settings-general.tsx";
import { settingsGuardrails } from "./pages/settings-guardrails.tsx";
import { settingsModels } from "./pages/settings-models.tsx";
import { settingsPeople } from "./pages/settings-people.tsx";
import { settingsProviders } from "./pages/settings-providers.tsx";
import { settingsSovereignty } from "./pages/settings-sovereignty.tsx";
import { signIn } from "./pages/sign-in.tsx";
import { signUp } from "./pages/sign-up.tsx";
import { usage } from "./pages/usage.tsx";
import { welcome } from "./pages/welcome.tsx";
import type { Entry } from "./visit.ts";

export const table: readonly Entry[] = [
  ...signIn, ...passkeys, ...signUp, ...account, ...accountWays, ...welcome, ...firstKey, ...preferences, ...overview, ...keys, ...key, ...requests, ...requestBodies, ...request, ...models, ...model, ...aliases, ...usage, ...playground, ...files, ...batches, ...batch,
  ...invitation, ...settingsGeneral, ...settingsPeople, ...settingsSovereignty, ...settingsProviders, ...settingsBudgets, ...settingsAlerts, ...settingsGuardrails, ...settingsModels, ...settingsBilling, ...settingsAudit,
  ...operators,
];
