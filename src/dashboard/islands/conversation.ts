/** A lane's conversation: what was said before, above what is said now, and the fields for what tools have to say. */
import { awaitsResults, type Turn } from "./turns.ts";
import { callsOf, find } from "./lane.ts";
import { writeMarkdown } from "./markdown.ts";

const conversations = new WeakMap<HTMLElement, Turn[]>();
let fields = 0;

/** What a lane has behind it, with the results that are typed in now. */
export function turnsOf(lane: HTMLElement): Turn[] {
  const turns = conversations.get(lane) ?? [];
  const last = turns.at(-1);
  if (!last || !awaitsResults(turns)) return turns;
  const typed = [...lane.querySelectorAll<HTMLTextAreaElement>("[data-result]")].map(({ value }) => value);
  return [...turns.slice(0, -1), { ...last, results: typed.length > 0 ? typed : last.results }];
}

const element = (name: string, properties: object, ...children: Node[]): HTMLElement => {
  const made = Object.assign(document.createElement(name), properties);
  made.append(...children);
  return made;
};

const asked = ({ prompt, images }: Pick<Turn, "prompt" | "images">): HTMLElement[] => {
  const pictures = images.map((src, i) => element("img", { className: "preview", src, alt: `Image ${i + 1}` }));
  return prompt.trim() === "" && pictures.length === 0 ? [] : [element("div", { className: "asked" }, element("p", { className: "hidden", textContent: "You" }), element("pre", { className: "said", tabIndex: 0, textContent: prompt }), ...pictures)];
};

/** An answer that is over, in the frame of the one that is given now, with its button. */
function answered(lane: HTMLElement, text: string): HTMLElement {
  const frame = find("[data-answer]", lane).cloneNode(true) as HTMLElement;
  const said = find("[data-text]", frame);
  for (const [place, name] of [[frame, "answer"], [said, "text"]] as const) delete place.dataset[name];
  said.replaceChildren();
  writeMarkdown(said, text);
  frame.hidden = false;
  return frame;
}

/** Shows what came before, and what is asked now. */
export function transcribe(lane: HTMLElement, turns: readonly Turn[], now?: Pick<Turn, "prompt" | "images">): void {
  const before = turns.flatMap((turn) => [
    ...asked(turn),
    ...(turn.answer.text === "" ? [] : [answered(lane, turn.answer.text)]),
    ...callsOf(turn.answer.calls, turn.results),
  ]);
  const place = find("[data-turns]", lane);
  place.replaceChildren(...before, ...(now ? asked(now) : []));
  place.hidden = place.childElementCount === 0;
}

/** Remembers a turn, and asks for what its tools say. */
export function remember(lane: HTMLElement, turns: readonly Turn[], turn: Turn): void {
  conversations.set(lane, [...turns, turn]);
  const wanted = turn.answer.calls.map(({ name }) => {
    const id = `result-${(fields += 1)}`;
    const field = element("textarea", { id, rows: 2, className: "mono", spellcheck: false });
    field.dataset["result"] = "";
    return element("div", { className: "field" }, element("label", { htmlFor: id, textContent: `What ${name} says` }), field);
  });
  find("[data-results]", lane).replaceChildren(...wanted);
  find("[data-send-results]", lane).hidden = wanted.length === 0;
}

/** As if nothing had been asked; `turns`: but for these. */
export function forget(lane: HTMLElement, turns: readonly Turn[] = []): void {
  if (turns.length === 0) conversations.delete(lane);
  else conversations.set(lane, [...turns]);
  find("[data-results]", lane).replaceChildren();
  find("[data-send-results]", lane).hidden = true;
}
