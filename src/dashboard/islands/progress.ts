/** Moves batches' bars while they run, and loads the page again when one comes to another state. */

export {};

type Progress = { status: string; done: number; total: number; words: string; over: boolean };
const everyMs = 2_000;

async function follow(place: HTMLElement): Promise<void> {
  if (document.visibilityState === "visible" && !document.querySelector("dialog:modal")) {
    const answer = await fetch(place.dataset["progress"]!, { redirect: "error" }).catch(() => undefined);
    if (answer && !answer.ok) return;
    if (answer) {
      const { status, done, total, words } = (await answer.json()) as Progress;
      if (status !== place.dataset["status"]) return location.reload();
      const bar = place.querySelector("progress")!;
      if (total > 0) Object.assign(bar, { max: total, value: done });
      place.querySelector("[data-progress-words]")!.textContent = words;
    }
  }
  setTimeout(() => void follow(place), everyMs);
}

document.querySelectorAll<HTMLElement>("[data-progress]").forEach((place) => setTimeout(() => void follow(place), everyMs));
