/** On every page: copy buttons, toasts that go, dialogs that open, selects that send their form, a menu that folds on a phone. */

const each = <T extends Element>(selector: string, then: (element: T) => void): void => document.querySelectorAll<T>(selector).forEach(then);

each<HTMLButtonElement>("[data-copy]", (button) => {
  button.hidden = false;
  const label = button.querySelector("[data-copy-label]")!;
  button.addEventListener("click", async () => {
    const source = button.parentElement!.querySelector("pre")!;
    try {
      await navigator.clipboard.writeText(source.textContent ?? "");
      label.textContent = "Copied";
    } catch {
      // Not allowed here: mark it, so that the person's own copy command does it.
      getSelection()?.selectAllChildren(source);
      label.textContent = "Marked";
    }
    setTimeout(() => (label.textContent = "Copy"), 2000);
  });
});

each<HTMLElement>("[data-toast]", (toast) => setTimeout(() => toast.remove(), 8000));

each<HTMLDialogElement>("dialog.dialog", (dialog) => {
  dialog.close();
  each<HTMLElement>(`[data-opens="${dialog.id}"]`, (opener) => opener.addEventListener("click", (event) => {
    event.preventDefault();
    dialog.showModal();
  }));
  dialog.querySelectorAll("[data-closes]").forEach((closer) => closer.addEventListener("click", (event) => {
    event.preventDefault();
    dialog.close();
  }));
});

each<HTMLSelectElement>("[data-submits]", (select) => select.addEventListener("change", () => select.form!.requestSubmit()));
each<HTMLElement>("[data-needless]", (element) => (element.hidden = true));

const menu = document.querySelector<HTMLDetailsElement>("details.menu");
const narrow = matchMedia("(width < 56rem)");
const fold = (): void => void (menu && (menu.open = !narrow.matches));
fold();
menu?.setAttribute("data-ready", "");
narrow.addEventListener("change", fold);

// A form is sent once.
each<HTMLFormElement>("form", (form) => form.addEventListener("submit", () => form.setAttribute("aria-busy", "true")));
each<HTMLFormElement>("form", (form) => form.addEventListener("submit", (event) => {
  if (form.dataset["sent"]) event.preventDefault();
  form.dataset["sent"] = "true";
}));
addEventListener("pageshow", () => each<HTMLFormElement>("form", (form) => {
  delete form.dataset["sent"];
  form.removeAttribute("aria-busy");
}));
