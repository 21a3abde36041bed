/** Asks every two seconds whether a key's first request has come, and says so when it has. */

const element = document.querySelector<HTMLElement>("[data-waits-for]");

async function look(element: HTMLElement): Promise<void> {
  if (document.visibilityState === "visible") {
    const answer = await fetch(element.dataset["waitsFor"]!).catch(() => undefined);
    if (answer?.ok && ((await answer.json()) as { requests: number }).requests > 0) {
      element.dataset["state"] = "here";
      element.querySelector("[data-waiting-text]")!.textContent = element.dataset["here"]!;
      const next = element.querySelector<HTMLAnchorElement>("[data-waiting-next]");
      if (next) next.hidden = false;
      return;
    }
    if (answer?.redirected) return;
  }
  setTimeout(() => void look(element), 2000);
}

if (element && element.dataset["state"] === "waiting") void look(element);
