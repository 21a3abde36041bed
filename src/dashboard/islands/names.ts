/** Finds a model by its name and writes it into an allow-list. The names come when somebody wants one. */

export {};

document.querySelectorAll<HTMLElement>("[data-names]").forEach((place) => {
  const row = place.querySelector<HTMLElement>("[data-names-add]")!;
  const input = row.querySelector("input")!;
  const list = row.querySelector("datalist")!;
  const into = place.querySelector<HTMLTextAreaElement>(`[name="${place.dataset["into"]!}"]`)!;
  row.hidden = false;

  input.addEventListener("focus", async () => {
    const answer = await fetch(place.dataset["names"]!).catch(() => undefined);
    if (!answer?.ok) return;
    list.replaceChildren(...((await answer.json()) as string[]).map((name) => Object.assign(document.createElement("option"), { value: name })));
  }, { once: true });

  const add = (): void => {
    const name = input.value.trim();
    const names = into.value.split(/[\s,]+/).filter(Boolean);
    if (name !== "" && !names.includes(name)) into.value = [...names, name].join("\n");
    input.value = "";
    input.focus();
  };
  row.querySelector("button")!.addEventListener("click", add);
  input.addEventListener("keydown", (event) => {
    if (event.key !== "Enter") return;
    event.preventDefault();
    add();
  });
});
