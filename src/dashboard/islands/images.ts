/** Images that go with a prompt, as data URLs, with a preview of each. */

const mostImages = 4;
const mostBytes = 12 * 1024 * 1024;

const asDataUrl = (file: File): Promise<string> => new Promise((done, failed) => {
  const reader = new FileReader();
  reader.addEventListener("load", () => done(String(reader.result)));
  reader.addEventListener("error", () => failed(reader.error ?? new Error("The file cannot be read.")));
  reader.readAsDataURL(file);
});

function previewOf(src: string, alt: string): HTMLElement {
  const item = document.createElement("li");
  item.append(Object.assign(document.createElement("img"), { className: "preview", src, alt }));
  return item;
}

/** Images that are chosen now, and the way to put others in their place. */
export type Images = { now: () => readonly string[]; set: (images: readonly string[]) => void };

/** Watches a form's field for images. */
export function imagesIn(form: HTMLFormElement): Images {
  const place = form.querySelector<HTMLElement>("[data-images]")!;
  const picker = place.querySelector("input")!;
  const problem = place.querySelector<HTMLElement>("[data-image-problem]")!;
  let images: readonly string[] = [];
  const show = (chosen: readonly string[], names: readonly string[] = []): void => {
    images = chosen;
    place.querySelector("[data-previews]")!.replaceChildren(...images.map((src, i) => previewOf(src, names[i] ?? `Image ${i + 1}`)));
  };
  place.hidden = false;
  picker.addEventListener("change", async () => {
    const files = [...(picker.files ?? [])];
    const tooMuch = files.length > mostImages || files.reduce((sum, { size }) => sum + size, 0) > mostBytes;
    problem.hidden = !tooMuch;
    problem.textContent = tooMuch ? `At most ${mostImages} images, ${mostBytes / 1024 / 1024} MB together.` : "";
    if (tooMuch) picker.value = "";
    show(tooMuch ? [] : await Promise.all(files.map(asDataUrl)), files.map(({ name }) => name));
  });
  return {
    now: () => images,
    set: (others) => {
      picker.value = "";
      show(others);
    },
  };
}
