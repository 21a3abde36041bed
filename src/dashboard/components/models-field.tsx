/** A list of models to be typed, one a line; islands/names.ts finds names for it. */
import { TextArea, type Typed } from "./field.tsx";

/** `empty`: what an empty list means. */
export const ModelsField = ({ from, empty, rows = 4 }: { from?: Typed; empty: string; rows?: number }) => (
  <div class="field" data-names="/dashboard/keys/names" data-into="models">
    <TextArea name="models" label="Models" from={from} required={false} unsaid rows={rows} placeholder={"auto\nopenai/*"} hint={`One a line; * at an end matches the rest. Empty: ${empty}.`} />
    <div class="row" data-names-add hidden><label class="hidden" for="models-add">Find a model</label><input id="models-add" type="text" list="models-known" placeholder="Find a model" autocomplete="off" spellcheck={false} /><button type="button" class="button secondary">Add</button><datalist id="models-known"></datalist></div>
  </div>
);
