/** OpenAI's categories of what may be harmful, and answers that tell them. https://platform.openai.com/docs/guides/moderation#content-classifications */

export const categories = [
  "harassment", "harassment/threatening", "hate", "hate/threatening", "illicit", "illicit/violent", "self-harm", "self-harm/intent", "self-harm/instructions", "sexual",
  "sexual/minors", "violence", "violence/graphic",
] as const;
export type Category = (typeof categories)[number];

/** What was said of one input: how likely each category is, 0 to 1, and whether that makes it one. What is absent nobody has judged. */
export type Verdict = Partial<Record<Category, { readonly score: number; readonly flagged: boolean }>>;

const each = <T>(of: (category: Category) => T): Record<string, T> => Object.fromEntries(categories.map((category) => [category, of(category)]));

/** One input's result. `types`: what it is made of, `text` and `image`. */
export const resultOf = (verdict: Verdict, types: readonly string[]) => ({
  flagged: categories.some((category) => verdict[category]?.flagged === true),
  categories: each((category) => verdict[category]?.flagged === true),
  category_scores: each((category) => verdict[category]?.score ?? 0),
  category_applied_input_types: each((category) => (verdict[category] ? types : [])),
});
