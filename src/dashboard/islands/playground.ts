/** The playground: up to four models answer the same prompt at once, each in its lane, with what it takes. */
import { add, eventsOf, nothing } from "./answer.ts";
import { forget, remember, transcribe, turnsOf } from "./conversation.ts";
import { copyAnswer } from "./copy.ts";
import { costOf } from "./cost.ts";
import { imagesIn } from "./images.ts";
import { clear, draw, find as within, measure, seconds, tell, tokens } from "./lane.ts";
import { bodyOf, codesOf, headersOf, Unsendable, type Wish } from "./request.ts";
import { keptOf, type Turn } from "./turns.ts";

const mostLanes = 4;

const form = document.querySelector<HTMLFormElement>("[data-playground]")!;
const lanes = form.querySelector<HTMLElement>("[data-lanes]")!;
const dialog = document.querySelector<HTMLDialogElement>("[data-code-dialog]")!;
const find = <T extends HTMLElement>(selector: string, place: ParentNode = form): T => within<T>(selector, place);
const field = (name: string): HTMLInputElement => form.elements.namedItem(name) as HTMLInputElement;
const running = new Map<HTMLElement, AbortController>();
const images = imagesIn(form);
let asked = 0;

const all = (): HTMLElement[] => [...lanes.querySelectorAll<HTMLElement>("[data-lane]")];
const modelOf = (lane: HTMLElement): HTMLInputElement => find<HTMLInputElement>('input[name="model"]', lane);
type Said = Pick<Turn, "prompt" | "images">;
const said = (): Said => ({ prompt: field("prompt").value, images: images.now() });
/** What a lane would be asked now, or what is given in place of that. */
const wishOf = (lane: HTMLElement, { prompt, images: pictures }: Said = said(), before: readonly Turn[] = turnsOf(lane)): Wish => ({
  model: modelOf(lane).value, prompt, images: pictures, before, system: field("system").value, temperature: field("temperature").value, tokens: field("tokens").value,
  tools: field("tools").value, schema: field("schema").value, sovereign: field("sovereign").checked, stream: true,
});

/** Asks one lane's model and shows what comes, at most once a frame. */
async function run(lane: HTMLElement, wish: Wish, body: string): Promise<void> {
  const control = new AbortController();
  const key = field("key").value;
  const mine = String((asked += 1));
  running.get(lane)?.abort();
  running.set(lane, control);
  lane.dataset["run"] = mine;
  const current = (): boolean => lane.dataset["run"] === mine;
  const answer = nothing();
  const startedMs = performance.now();
  let requestId: string | null = null;
  let drawing = 0;
  const drawSoon = (): void => void (drawing ||= requestAnimationFrame(() => {
    drawing = 0;
    if (current()) draw(lane, answer);
  }));
  const { prompt, images: pictures = [], before = [] } = wish;
  forget(lane, before);
  clear(lane);
  transcribe(lane, before, { prompt, images: pictures });
  tell(lane, "Waiting for the first token…");
  lane.setAttribute("aria-busy", "true");
  find("[data-stop]", lane).hidden = false;
  try {
    const response = await fetch(`/dashboard/playground/ask?key=${encodeURIComponent(key)}`, { method: "POST", headers: { "content-type": "application/json", ...headersOf(wish) }, body, signal: control.signal, redirect: "error" });
    requestId = response.headers.get("x-request-id");
    const type = response.headers.get("content-type") ?? "";
    let first = true;
    const hear = (said: unknown): void => {
      if (add(answer, said as Parameters<typeof add>[1]) && first) {
        first = false;
        measure(lane, "first", seconds(performance.now() - startedMs));
        tell(lane, "Answering…");
      }
      drawSoon();
    };
    if (type.startsWith("text/event-stream")) for await (const data of eventsOf(response.body!)) hear(JSON.parse(data));
    else if (type.startsWith("application/json")) hear(await response.json());
    else answer.problem = `The gateway answered ${response.status}. Load the page again: you may be signed out, or no longer allowed to do this.`;
  } catch (thrown) {
    answer.problem = control.signal.aborted ? undefined : `The connection broke off: ${(thrown as Error).message}`;
  }
  if (!current()) return;
  running.delete(lane);
  lane.removeAttribute("aria-busy");
  find("[data-stop]", lane).hidden = true;
  draw(lane, answer);
  measure(lane, "total", seconds(performance.now() - startedMs));
  tell(lane, control.signal.aborted ? "Stopped." : answer.problem ? "It did not answer." : answer.finish === "length" ? "Done: cut off, it may write no more tokens." : answer.finish === "tool_calls" ? "Done: it calls a tool." : "Done.");
  const kept = keptOf(answer, !control.signal.aborted);
  if (kept) remember(lane, before, { prompt, images: pictures, answer: kept, results: [] });
  else giveBack({ prompt, images: pictures });
  noteRunning();
  if (requestId === null || !requestId.startsWith("req_")) return;
  const entry = await costOf(requestId, key);
  if (!current() || !entry) return;
  measure(lane, "cost", entry.cost);
  if (!answer.usage) measure(lane, "tokens", tokens({ ...entry, reasoning: 0 }));
}

/** What nobody answered is there to be sent again. */
function giveBack({ prompt, images: pictures }: Said): void {
  if (field("prompt").value === "" && images.now().length === 0) say({ prompt, images: pictures });
}

function say({ prompt, images: pictures }: Said): void {
  field("prompt").value = prompt;
  images.set(pictures);
}

const noteRunning = (): void => void (find("[data-stop-all]").hidden = running.size < 2);

/** Says at a field what is wrong with it, or (undefined) nothing any more. */
function complain(problem: Unsendable | undefined, lane?: HTMLElement): void {
  const places = [...all().map(modelOf), ...["prompt", "temperature", "tokens", "tools", "schema"].map(field)];
  for (const place of places) place.setCustomValidity("");
  if (!problem) return;
  const place = problem.field === "model" ? modelOf(lane!) : field(problem.field);
  place.closest("details")?.setAttribute("open", "");
  place.setCustomValidity(problem.message);
  place.reportValidity();
  place.addEventListener("input", () => place.setCustomValidity(""), { once: true });
}

/** The lanes' requests, or undefined where one cannot be sent, which is told. */
function wishes(which: readonly HTMLElement[], of: (lane: HTMLElement) => Wish = wishOf): { lane: HTMLElement; wish: Wish; body: string }[] | undefined {
  let now = which[0];
  try {
    complain(undefined);
    return which.map((lane) => {
      now = lane;
      const wish = of(lane);
      return { lane, wish, body: JSON.stringify(bodyOf(wish)) };
    });
  } catch (thrown) {
    if (!(thrown instanceof Unsendable)) throw thrown;
    complain(thrown, now);
    return undefined;
  }
}

form.addEventListener("submit", (event) => {
  event.preventDefault();
  // islands/base.ts lets a form be sent once; this one stays.
  delete form.dataset["sent"];
  form.removeAttribute("aria-busy");
  send(wishes(all(), (lane) => wishOf(lane)));
});

function send(asked: ReturnType<typeof wishes>): void {
  if (!asked) return;
  for (const { lane, wish, body } of asked) void run(lane, wish, body);
  if (asked.some(({ wish }) => wish.prompt !== "" || wish.images!.length > 0)) say({ prompt: "", images: [] });
  find("[data-reset]").hidden = false;
  noteRunning();
}

// Everything from the beginning, with what was asked first.
find("[data-reset]").addEventListener("click", () => {
  const first = all().flatMap((lane) => turnsOf(lane).slice(0, 1)).at(0);
  for (const lane of all()) {
    running.get(lane)?.abort();
    running.delete(lane);
    fresh(lane);
  }
  if (first && field("prompt").value === "") say(first);
  find("[data-reset]").hidden = true;
  noteRunning();
  field("prompt").focus();
});

/** As if it had never been asked. */
function fresh(lane: HTMLElement): void {
  delete lane.dataset["run"];
  lane.removeAttribute("aria-busy");
  forget(lane);
  clear(lane);
  transcribe(lane, []);
  find("[data-stop]", lane).hidden = true;
  tell(lane, "Nothing asked yet.");
}

form.addEventListener("keydown", (event) => {
  if (event.key !== "Enter" || !(event.ctrlKey || event.metaKey)) return;
  event.preventDefault();
  form.requestSubmit();
});

function noteLanes(): void {
  const those = all();
  lanes.dataset["count"] = String(those.length);
  find("[data-add]").hidden = those.length >= mostLanes;
  for (const [i, lane] of those.entries()) {
    find("[data-remove]", lane).hidden = those.length === 1;
    find("[data-lane-actions]", lane).hidden = false;
    modelOf(lane).id = `model-${i}`;
    find<HTMLLabelElement>("label", lane).htmlFor = `model-${i}`;
    find("[data-remove] span", lane).textContent = `Remove model ${i + 1}`;
    find("[data-answer] [data-copy-answer]", lane).hidden = false;
    lane.setAttribute("aria-label", `Model ${i + 1}`);
  }
}

lanes.addEventListener("click", (event) => {
  const button = (event.target as Element).closest("button");
  const lane = button?.closest<HTMLElement>("[data-lane]");
  if (!button || !lane) return;
  if (button.matches("[data-stop]")) running.get(lane)?.abort();
  if (button.matches("[data-code]")) showCode(lane);
  if (button.matches("[data-copy-answer]")) void copyAnswer(button);
  if (button.matches("[data-send-results]")) send(wishes([lane], () => wishOf(lane, { prompt: "", images: [] })));
  if (!button.matches("[data-remove]")) return;
  running.get(lane)?.abort();
  running.delete(lane);
  lane.remove();
  noteLanes();
  noteRunning();
  modelOf(all()[0]!).focus();
});
find("[data-stop-all]").addEventListener("click", () => running.forEach((control) => control.abort()));
find("[data-add]").addEventListener("click", () => {
  const lane = all()[0]!.cloneNode(true) as HTMLElement;
  lanes.append(lane);
  fresh(lane);
  modelOf(lane).value = "";
  noteLanes();
  modelOf(lane).focus();
});

/** What would be asked now; where nothing is written, what was asked last. */
function showCode(lane: HTMLElement): void {
  const turns = turnsOf(lane);
  const last = turns.at(-1);
  const asNow = field("prompt").value !== "" || images.now().length > 0 || !last;
  const [one] = wishes([lane], () => (asNow ? wishOf(lane) : wishOf(lane, last, turns.slice(0, -1)))) ?? [];
  if (!one) return;
  for (const [name, text] of Object.entries(codesOf(location.origin, one.wish))) find(`#program-${name} code`, dialog).textContent = text;
  dialog.showModal();
}
find("[data-closes]", dialog).addEventListener("click", () => dialog.close());

// Where a name is longer than its field.
lanes.addEventListener("input", ({ target }) => void (target instanceof HTMLInputElement && (target.title = target.value)));

// Names come when somebody wants one, and anew for another key.
let namesOf: string | undefined;
lanes.addEventListener("focusin", async (event) => {
  const key = field("key").value;
  if (!(event.target as Element).matches('input[name="model"]') || namesOf === key) return;
  namesOf = key;
  const response = await fetch(`/dashboard/playground/names?key=${encodeURIComponent(key)}`).catch(() => undefined);
  if (!response?.ok) return void (namesOf = undefined);
  find("#models").replaceChildren(...((await response.json()) as string[]).map((name) => Object.assign(document.createElement("option"), { value: name })));
});

find("[data-hint-keys]").hidden = false;
noteLanes();
