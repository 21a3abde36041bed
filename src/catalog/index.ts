/**
 * Models, deployments, prices and aliases in D1, held in the isolate, and the editing of models, deployments and prices. `catalog.sql` is generated
 * (`npm run catalog`). Does not belong here: which deployment is chosen (router), what a price means and whether it can be meant (ledger).
 * Imports: the ledger's prices, the audit trail, errors.
 */
export { buildCatalog, capabilities, capabilityBits, chargedFromMs, loadCatalog, tokensOf, type Alias, type Capability, type Catalog, type Deployment, type Model, type Rates } from "./catalog.ts";
export { modelKinds, picks, type ModelKind, type PickBy } from "./rows.ts";
export { Held } from "./held.ts";
