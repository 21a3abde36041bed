/** The API reference: operations are found by their words, and sent from their pages. */
import { callOf, curlOf, type Field } from "./call.ts";

/** A key is kept for this tab, so that the next operation has it too; an administrator's secret is not kept. */
const keptAs = "forge-reference-key";
const shownHeaders = ["content-type", "x-request-id", "x-forge-cost", "x-forge-route", "x-forge-losses", "x-ratelimit-remaining", "retry-after"];
/** So much of an answer is shown. */
const mostShown = 512 * 1024;

const find = <T extends HTMLElement>(selector: string, place: ParentNode = document): T | null => place.querySelector<T>(selector);

/** Of a list of operations those that have all words. */
function finding(place: HTMLElement): void {
  const input = place.querySelector("input")!;
  const entries = [...document.querySelectorAll<HTMLElement>("[data-words]")];
  const look = (): void => {
    const words = input.value.toLowerCase().split(/\s+/).filter(Boolean);
    for (const entry of entries) entry.hidden = !words.every((word) => entry.dataset["words"]!.includes(word));
    for (const chapter of document.querySelectorAll<HTMLElement>("[data-chapter]")) chapter.hidden = !chapter.querySelector("[data-words]:not([hidden])");
    const left = entries.filter(({ hidden }) => !hidden).length;
    find("[data-found]", place)!.textContent = words.length === 0 ? "" : left === 1 ? "One operation" : `${left} operations`;
  };
  place.hidden = false;
  input.addEventListener("input", look);
  look();
}

type Filled = { fields: Field[]; files: Map<string, File>; body?: string; secret?: string };

/** What stands in the form. */
function filled(form: HTMLFormElement): Filled {
  const [fields, files, rest]: [Field[], Map<string, File>, Record<string, string>] = [[], new Map(), {}];
  for (const [name, value] of new FormData(form)) {
    const [, place, of] = /^(path|query|header|form):(.+)$/.exec(name) ?? [];
    if (value instanceof File) {
      if (value.name === "") continue;
      files.set(of!, value);
      fields.push({ in: "form", name: of!, value: `@${value.name}` });
    } else if (of === undefined) rest[name] = value;
    else fields.push({ in: place as Field["in"], name: of, value });
  }
  return { fields, files, ...rest };
}

/** Shows an answer as it comes; what is no text can be saved. */
async function show(response: Response, form: HTMLFormElement): Promise<void> {
  const [answer, body, file] = [find("[data-answer]", form)!, find("[data-answer-body]", form)!, find("[data-answer-file]", form)!];
  const type = response.headers.get("content-type") ?? "";
  answer.hidden = false;
  find("[data-answer-headers]", form)!.replaceChildren(...shownHeaders.flatMap((name) => (response.headers.has(name) ? [line(name, response.headers.get(name)!)] : [])));
  if (!/json|text|xml|^$/.test(type)) {
    const blob = await response.blob();
    body.textContent = `${blob.size.toLocaleString("en-US")} bytes of ${type}`;
    file.hidden = false;
    file.querySelector("a")!.href = URL.createObjectURL(blob);
    return;
  }
  let text = "";
  if (response.body) for (const reader = response.body.pipeThrough(new TextDecoderStream()).getReader(); ; ) {
    const { done, value } = await reader.read();
    if (done) break;
    text += value;
    if (text.length <= mostShown) body.textContent = text;
  }
  body.textContent = tidy(text).slice(0, mostShown) || "(no body)";
}

function line(name: string, value: string): HTMLElement {
  const item = document.createElement("li");
  item.append(Object.assign(document.createElement("code"), { textContent: `${name}: ${value}` }));
  return item;
}

/** JSON with its lines, where it is JSON; numbers stay as they were sent in everything else. */
function tidy(text: string): string {
  try {
    return /^\s*[[{]/.test(text) && !/\d{16,}/.test(text) ? JSON.stringify(JSON.parse(text), null, 2) : text;
  } catch {
    return text;
  }
}

function attempting(form: HTMLFormElement): void {
  const { method = "", path = "", by } = form.dataset;
  const secret = find<HTMLInputElement>("[name=secret]", form);
  const [state, stop, curl] = [find("[data-state]", form)!, find("[data-stop]", form)!, find("#curl code")!];
  let running: AbortController | undefined;
  const wanted = (given: Filled) => ({ method, path, fields: given.fields, ...(given.body !== undefined && { body: given.body }) });
  const write = (): void => void (curl.textContent = curlOf(callOf(location.origin, { ...wanted(filled(form)), secret: by === "anyone" ? undefined : by === "admin" ? "$ADMIN_SECRET" : "$FORGE_KEY" })));
  form.hidden = false;
  if (secret && by === "key") secret.value = sessionStorage.getItem(keptAs) ?? "";
  form.addEventListener("input", write);
  stop.addEventListener("click", () => running?.abort());
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    // islands/base.ts lets a form be sent once; this one stays.
    delete form.dataset["sent"];
    running?.abort();
    const control = (running = new AbortController());
    const given = filled(form);
    if (by === "key") sessionStorage.setItem(keptAs, given.secret ?? "");
    const call = callOf(location.origin, { ...wanted(given), secret: given.secret === "" ? undefined : given.secret });
    const data = new FormData();
    for (const [name, value] of call.form) data.append(name, given.files.get(name) ?? value);
    find("[data-answer]", form)!.hidden = find("[data-answer-file]", form)!.hidden = true;
    find("[data-answer-body]", form)!.textContent = "";
    state.textContent = "Waiting…";
    stop.hidden = false;
    const startedMs = performance.now();
    try {
      const response = await fetch(call.url, { method, headers: call.headers.map(([name, value]) => [name, value] as [string, string]), body: call.body ?? (call.form.length > 0 ? data : null), signal: control.signal, credentials: "omit", redirect: "error" });
      await show(response, form);
      state.textContent = `${response.status} ${response.statusText} after ${Math.round(performance.now() - startedMs).toLocaleString("en-US")} ms`;
    } catch (thrown) {
      if (control === running) state.textContent = control.signal.aborted ? "Stopped." : `It could not be sent: ${(thrown as Error).message}`;
    }
    if (control !== running) return;
    form.removeAttribute("aria-busy");
    stop.hidden = true;
  });
}

const list = find("[data-find]");
const form = find<HTMLFormElement>("[data-attempt]");
if (list) finding(list);
if (form) attempting(form);
