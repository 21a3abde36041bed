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

/** Watches a form's field for images. Returns what tells those that are chosen now. */
export function imagesIn(form: HTMLFormElement): () => readonly string[] {
  const place = form.querySelector<HTMLElement>("[data-images]")!;
  const picker = place.querySelector("input")!;
  const problem = place.querySelector<HTMLElement>("[data-image-problem]")!;
  let images: readonly string[] = [];
  place.hidden = false;
  picker.addEventListener("change", async () => {
    const files = [...(picker.files ?? [])];
    const tooMuch = files.length > mostImages || files.reduce((sum, { size }) => sum + size, 0) > mostBytes;
    problem.hidden = !tooMuch;
    problem.textContent = tooMuch ? `At most ${mostImages} images, ${mostBytes / 1024 / 1024} MB together.` : "";
    if (tooMuch) picker.value = "";
    images = tooMuch ? [] : await Promise.all(files.map(asDataUrl));
    place.querySelector("[data-previews]")!.replaceChildren(...images.map((src, i) => previewOf(src, files[i]!.name)));
  });
  return () => images;
}
