/** Brings requests as they end into the list of requests, every two seconds while somebody looks, until they pause it. */

export {};

const everyMs = 2_000;
const mostRows = 200;

const place = document.querySelector<HTMLElement>("[data-tail]");
const body = place?.querySelector("tbody");

if (place && body) {
  const state = place.querySelector<HTMLElement>("[data-tail-state]")!;
  const button = place.querySelector<HTMLButtonElement>("[data-tail-pause]")!;
  let paused = false;
  let since = place.dataset["since"]!;
  place.querySelector<HTMLElement>("[data-tail-bar]")!.hidden = false;

  const say = (text: string, live: boolean): void => {
    if (state.textContent !== text) state.textContent = text;
    place.toggleAttribute("data-live", live);
  };

  /** Puts rows where their ids, which grow with time, want them; what is there already stays. */
  const add = (rows: readonly HTMLTableRowElement[]): void => {
    const there = new Map([...body.rows].map((row) => [row.dataset["id"]!, row]));
    for (const row of rows) {
      const id = row.dataset["id"]!;
      if (there.has(id)) continue;
      row.classList.add("fresh");
      const next = [...body.rows].find((other) => other.dataset["id"]! < id);
      body.insertBefore(document.adoptNode(row), next ?? null);
    }
    while (body.rows.length > mostRows) body.rows[body.rows.length - 1]!.remove();
    if (body.rows.length > 0) place.querySelector("[data-tail-empty]")?.remove();
  };

  const look = async (): Promise<void> => {
    if (!paused && document.visibilityState === "visible") {
      const url = new URL(place.dataset["tail"]!, location.href);
      url.searchParams.set("since", since);
      const answer = await fetch(url, { headers: { accept: "text/html" } }).catch(() => undefined);
      if (answer?.redirected || answer?.status === 403) return say("Sign in again", false);
      const table = answer?.ok ? new DOMParser().parseFromString(await answer.text(), "text/html").querySelector("table") : null;
      if (paused) say("Paused", false);
      else if (table) {
        since = table.dataset["since"]!;
        add([...table.rows]);
        say("Live", true);
      } else say("Not reached; trying again", false);
    }
    setTimeout(() => void look(), everyMs);
  };

  button.addEventListener("click", () => {
    paused = !paused;
    button.setAttribute("aria-pressed", String(paused));
    say(paused ? "Paused" : "Live", !paused);
  });
  say("Live", true);
  setTimeout(() => void look(), everyMs);
}
