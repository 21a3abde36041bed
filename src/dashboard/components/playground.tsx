/** The playground's form, and a lane: one model, what it says, and what that takes. Up to four stand side by side once islands/playground.ts runs. */
import { Check, Choice, Fields, TextArea, TextField, type Typed } from "./field.tsx";
import { Code, Notice, Submit } from "./parts.tsx";
import { Icon } from "./icon.tsx";

/** What a model said, and what it took; texts, as they are shown. */
export type Shown = { text: string; thought: string; calls: readonly { name: string; arguments: string }[]; problem?: string; noModel?: boolean; state: string; first?: string; total: string; tokens: string; cost: string };

const measures = [["first", "First token"], ["total", "In all"], ["tokens", "Tokens"], ["cost", "Cost"]] as const;

/** Copies what was said as it was said. islands/playground.ts makes it work. */
const CopyAnswer = () => <button type="button" class="copy" data-copy-answer hidden><Icon name="copy" /><span data-copy-label>Copy</span><span class="hidden"> the answer as text</span></button>;

/** One model and its answer. */
const Lane = ({ from, shown }: { from: Typed; shown?: Shown }) => (
  <section class="card lane" data-lane aria-label="Model">
    <div class="lane-head">
      <TextField name="model" label="Model" from={from} value="auto" maxlength={200} list="models" />
      <button type="button" class="button quiet square" data-remove hidden><Icon name="close" /><span class="hidden">Remove this model</span></button>
    </div>
    <p class="note" role="status" data-state>{shown?.state ?? "Nothing asked yet."}</p>
    <div class="stack turns" data-turns hidden></div>
    <details class="more" data-thought hidden={!shown?.thought}><summary>Thoughts</summary><pre class="said note" tabindex={0} aria-label="Thoughts">{shown?.thought}</pre></details>
    <div class="answer" data-answer hidden={!shown?.text}><div class="said typed" data-text role="group" tabindex={0} aria-label="Answer">{shown?.text}</div><CopyAnswer /></div>
    <div class="stack" data-calls>{shown?.calls.map(({ name, arguments: said }) => <div><p><strong>{name}</strong></p><pre class="said">{said}</pre></div>)}</div>
    <div class="stack" data-results></div>
    <div class="error" role="alert" data-problem hidden={!shown?.problem}><p data-problem-text>{shown?.problem}</p><p data-problem-models hidden={!shown?.noModel}><a href="/dashboard/models">Models</a> lists what you can call.</p></div>
    <dl class="measures">{measures.map(([name, label]) => <div><dt>{label}</dt><dd data-measure={name}>{shown?.[name] ?? "—"}</dd></div>)}</dl>
    <div class="row" data-lane-actions hidden>
      <button type="button" class="button secondary" data-stop hidden><span>Stop</span></button>
      <button type="button" class="button secondary" data-send-results hidden><span>Send the results</span></button>
      <button type="button" class="button quiet" data-code><Icon name="copy" /><span>Copy as code</span></button>
    </div>
  </section>
);

const programs = [["curl", "curl", undefined], ["python", "Python", "pip install openai"], ["node", "Node", "npm install openai"]] as const;

/** The request as a program. Filled and opened by the island. */
const CodeDialog = () => (
  <dialog class="dialog broad" aria-labelledby="code-title" data-code-dialog>
    <h2 id="code-title">This request as code</h2>
    <p class="note">It reads a key of yours from the variable FORGE_KEY.</p>
    <fieldset class="tabs">
      <legend class="hidden">Language</legend>
      <div class="choices">{programs.map(([id, label], i) => <label><input type="radio" name="program" value={id} checked={i === 0} />{label}</label>)}</div>
      {programs.map(([id, label, hint]) => <div class={`panel ${id}`}>{hint && <p class="note">{hint}</p>}<Code text="" label={`${label} program`} id={`program-${id}`} /></div>)}
    </fieldset>
    <div class="row"><button type="button" class="button secondary" data-closes><span>Close</span></button></div>
  </dialog>
);

/** `keys`: whose limits a request may count against. */
export const Playground = ({ keys, from, shown }: { keys: readonly (readonly [string, string])[]; from: Typed; shown?: Shown }) => (
  <>
    <form method="post" action="/dashboard/playground" class="stack" data-playground novalidate>
      <div class="card">
        <TextArea name="prompt" label="Prompt" rows={4} from={from} hint={<span data-hint-keys hidden>Ctrl+Enter or ⌘+Enter sends it.</span>} />
        <details class="more" open={Boolean(from.errors)}>
          <summary>Settings, tools, images</summary>
          <div class="form">
            <TextArea name="system" label="System text" rows={2} required={false} from={from} />
            <Fields legend="Settings">
              <TextField name="temperature" label="Temperature" required={false} inputmode="decimal" placeholder="As the model has it" from={from} />
              <TextField name="tokens" label="Most tokens" required={false} inputmode="numeric" placeholder="As the model has it" from={from} />
              <Choice name="key" label="In the name of" options={[["", "Your own Playground key"], ...keys]} value="" from={from} hint="Its limits hold, and it is charged." />
            </Fields>
            <Check name="sovereign" label="Sovereign: only your organisation's own servers" from={from} />
            <div class="field" data-images hidden>
              <label for="image">Images <span class="optional">optional</span></label>
              <input id="image" type="file" accept="image/png,image/jpeg,image/webp,image/gif" multiple aria-describedby="image-hint" />
              <p class="hint" id="image-hint">At most four, 12 MB together.</p>
              <p class="error" data-image-problem hidden></p>
              <ul class="chips" data-previews></ul>
            </div>
            <div class="columns">
              <TextArea name="tools" label="Tools, as JSON" rows={5} required={false} from={from} placeholder={'[{"type": "function", "function": {"name": "weather", "parameters": {…}}}]'} mono />
              <TextArea name="schema" label="JSON schema of the answer" rows={5} required={false} from={from} placeholder={'{"type": "object", "properties": {…}}'} mono />
            </div>
          </div>
        </details>
        <div class="row">
          <Submit icon="play">Send</Submit>
          <button type="button" class="button secondary" data-stop-all hidden><span>Stop all</span></button>
          <button type="button" class="button quiet" data-reset hidden><span>Start over</span></button>
          <button type="button" class="button quiet" data-add hidden><Icon name="plus" /><span>Another model beside it</span></button>
        </div>
      </div>
      <div class="lanes" data-lanes><Lane from={from} shown={shown} /></div>
      <datalist id="models"></datalist>
    </form>
    <noscript><Notice>Without JavaScript one model answers, all at once.</Notice></noscript>
    <CodeDialog />
  </>
);
