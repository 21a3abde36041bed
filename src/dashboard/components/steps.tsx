/** Where somebody stands on the way to their first answer. */
const steps = ["Account", "Password", "Organisation", "Key"] as const;

export const Steps = ({ now }: { now: number }) => (
  <ol class="steps" aria-label="Steps">{steps.map((step, i) => <li aria-current={i === now ? "step" : undefined}>{step}</li>)}</ol>
);
