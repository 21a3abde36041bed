/** Sends a file with a bar that tells how much of it has gone. fetch does not tell that; XMLHttpRequest does. */

export {};

const form = document.querySelector<HTMLFormElement>("[data-upload]");

const mega = (bytes: number): string => `${(bytes / 1024 / 1024).toFixed(1)} MB`;

function send(form: HTMLFormElement): void {
  const find = <T extends HTMLElement>(name: string): T => form.querySelector<T>(`[data-upload-${name}]`)!;
  const [state, bar, words, problem, stop, submit] = [find("state"), find<HTMLProgressElement>("progress"), find("words"), find("problem"), find<HTMLButtonElement>("stop"), form.querySelector<HTMLButtonElement>("[type=submit]")!];
  const request = new XMLHttpRequest();
  const ended = (why: string): void => {
    problem.textContent = why;
    problem.hidden = why === "";
    state.hidden = true;
    stop.hidden = true;
    submit.disabled = false;
  };
  problem.hidden = true;
  state.hidden = false;
  stop.hidden = false;
  submit.disabled = true;
  bar.value = 0;
  words.textContent = "Beginning…";
  stop.onclick = () => request.abort();
  request.upload.addEventListener("progress", ({ loaded, total }) => {
    bar.value = total > 0 ? loaded / total : 0;
    words.textContent = loaded < total ? `${mega(loaded)} of ${mega(total)}` : "All of it has gone; it is being stored.";
  });
  request.addEventListener("load", () => {
    const { next, problem: why } = (request.response ?? {}) as { next?: string; problem?: string };
    if (next) location.assign(next);
    else ended(why ?? `The gateway answered ${request.status}. Load the page again: you may be signed out.`);
  });
  request.addEventListener("error", () => ended("The connection broke off. Nothing was kept."));
  request.addEventListener("abort", () => ended("Stopped. Nothing was kept."));
  request.open("POST", form.action);
  request.responseType = "json";
  request.setRequestHeader("accept", "application/json");
  request.send(new FormData(form));
}

form?.addEventListener("submit", (event) => {
  event.preventDefault();
  // islands/base.ts lets a form be sent once; this one stays until its file is there.
  delete form.dataset["sent"];
  form.removeAttribute("aria-busy");
  send(form);
});
