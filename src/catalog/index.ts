/**
 * Models, deployments, prices and aliases in D1, held in the isolate. `catalog.sql` is generated (`npm run catalog`).
 * Does not belong here: which deployment is chosen (router), what a price means (ledger). Imports: the ledger's price type.
 */
export { buildCatalog, loadCatalog, type Catalog, type Deployment, type Model } from "./catalog.ts";
export { Held } from "./held.ts";
