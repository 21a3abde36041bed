/** Copies an answer of the playground as the model wrote it. */
import { find } from "./lane.ts";
import { saidIn } from "./markdown.ts";

/** `button`: stands beside the answer. */
export async function copyAnswer(button: HTMLButtonElement): Promise<void> {
  const said = find(".said", button.parentElement!);
  const label = find("[data-copy-label]", button);
  try {
    await navigator.clipboard.writeText(saidIn(said));
    label.textContent = "Copied";
  } catch {
    // Not allowed here: mark it, so that the person's own copy command does it.
    getSelection()?.selectAllChildren(said);
    label.textContent = "Marked";
  }
  setTimeout(() => (label.textContent = "Copy"), 2_000);
}
