/**
 * Proof of what was charged: each entry of a key's ledger is chained to the one before it and, on request, signed. Does not belong
 * here: what an entry says (ledger), where it lies (limits, ledger). Imports: nothing of ours.
 */
export { linkAfter, type Chained, type Head, type Link } from "./chain.ts";
export { ReceiptSigner, type Receipt } from "./sign.ts";
