/** What stands in a lane of the playground: what a model says, and what that takes. */
import { nothing, type Answer, type Usage } from "./answer.ts";
import { writeMarkdown } from "./markdown.ts";

export const find = <T extends HTMLElement>(selector: string, place: ParentNode): T => place.querySelector<T>(selector)!;
const amounts = new Intl.NumberFormat("en-US");
export const tokens = ({ input, output, reasoning }: Usage): string => `${amounts.format(input)} in, ${amounts.format(output)} out${reasoning > 0 ? ` (${amounts.format(reasoning)} thought)` : ""}`;
export const seconds = (ms: number): string => (ms < 1_000 ? `${Math.round(ms)} ms` : `${(ms / 1_000).toFixed(2)} s`);
export const tell = (lane: HTMLElement, text: string): void => void (find("[data-state]", lane).textContent = text);
export const measure = (lane: HTMLElement, name: string, text: string): void => void (find(`[data-measure="${name}"]`, lane).textContent = text);

/** Tool calls, each by its name with what it is called with, and what was given for it. */
export const callsOf = (calls: Answer["calls"], results: readonly string[] = []): HTMLElement[] =>
  calls.filter(Boolean).map(({ name, arguments: said }, i) => {
    const call = document.createElement("div");
    const title = Object.assign(document.createElement("strong"), { textContent: name });
    let shown = said;
    try {
      shown = JSON.stringify(JSON.parse(said), null, 2);
    } catch {
      // It is not whole yet.
    }
    call.append(title, Object.assign(document.createElement("pre"), { className: "said", textContent: shown }));
    if (results[i] !== undefined) call.append(Object.assign(document.createElement("pre"), { className: "said", textContent: `→ ${results[i]}` }));
    return call;
  });

/** Shows an answer as far as it is there. */
export function draw(lane: HTMLElement, { text, thought, calls, problem, noModel = false, usage }: Answer): void {
  find("[data-answer]", lane).hidden = text === "";
  writeMarkdown(find("[data-text]", lane), text);
  const thoughts = find("[data-thought]", lane);
  thoughts.hidden = thought === "";
  find("pre", thoughts).textContent = thought;
  find("[data-calls]", lane).replaceChildren(...callsOf(calls));
  find("[data-problem]", lane).hidden = problem === undefined;
  find("[data-problem-text]", lane).textContent = problem ?? "";
  find("[data-problem-models]", lane).hidden = !noModel;
  if (usage) measure(lane, "tokens", tokens(usage));
}

/** Makes it as if nothing had been asked. */
export function clear(lane: HTMLElement): void {
  draw(lane, nothing());
  for (const name of ["first", "total", "tokens", "cost"]) measure(lane, name, "—");
}
