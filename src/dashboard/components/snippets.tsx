/** Snippets to choose from, one at a time; radio buttons do it, so that arrow keys work and nothing has to run. */
import type { Snippet } from "../snippets.ts";
import { Code } from "./parts.tsx";

export const Snippets = ({ snippets }: { snippets: readonly Snippet[] }) => (
  <fieldset class="tabs">
    <legend class="hidden">Your client</legend>
    <div class="choices">{snippets.map(({ id, label }, i) => <label><input type="radio" name="client" value={id} checked={i === 0} />{label}</label>)}</div>
    {snippets.map(({ id, label, hint, text }) => <div class={`panel ${id}`}>{hint && <p class="note">{hint}</p>}<Code text={text} label={`${label} snippet`} /></div>)}
  </fieldset>
);
