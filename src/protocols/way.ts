/** The way that a request took: whom it could have gone to, in order, who was asked, and who answers. `total`: with those that were out of the question. */
export type Way = {
  readonly requested: string;
  readonly strategy: "direct" | "auto" | "free" | "alias" | "fallback";
  readonly region: string | null;
  readonly attempts: readonly { readonly provider: string; readonly model: string; readonly status: number }[];
  readonly available: readonly { readonly provider: string; readonly model: string; readonly selected: boolean }[];
  readonly total: number;
  readonly selected: string;
};
