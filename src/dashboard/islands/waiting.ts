/** Asks every two seconds whether a key's first request has come, and says so when it has; of one that was refused it says why, and goes on asking. */

const element = document.querySelector<HTMLElement>("[data-waits-for]");

async function look(element: HTMLElement): Promise<void> {
  if (document.visibilityState === "visible") {
    const answer = await fetch(element.dataset["waitsFor"]!).catch(() => undefined);
    const told = answer?.ok ? ((await answer.json()) as { requests: number; refused: string | null }) : undefined;
    const text = element.querySelector("[data-waiting-text]")!;
    if (told && told.requests > 0) {
      element.dataset["state"] = "here";
      text.textContent = element.dataset["here"]!;
      const next = element.querySelector<HTMLAnchorElement>("[data-waiting-next]");
      if (next) next.hidden = false;
      return;
    }
    if (told?.refused && text.textContent !== told.refused) {
      element.dataset["state"] = "refused";
      text.textContent = told.refused;
    }
    if (answer?.redirected) return;
  }
  setTimeout(() => void look(element), 2000);
}

if (element && element.dataset["state"] === "waiting") void look(element);
