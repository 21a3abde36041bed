/** The API reference: swagger-ui with this gateway's document. A key that is typed in stays in the page's memory. */
type Draw = (options: { url: string; domNode: Element; deepLinking: boolean; docExpansion: string; defaultModelsExpandDepth: number; filter: boolean; persistAuthorization: boolean; validatorUrl: null }) => unknown;

/** How swagger-ui's own sheet knows. */
const dark = matchMedia("(prefers-color-scheme: dark)");
const colour = (): unknown => document.documentElement.classList.toggle("dark-mode", dark.matches);
dark.addEventListener("change", colour);
colour();

const place = document.getElementById("reference")!;
const script = document.createElement("script");
script.src = place.dataset["bundle"]!;
script.addEventListener("load", () => {
  const { SwaggerUIBundle: draw } = globalThis as unknown as { SwaggerUIBundle: Draw };
  draw({ url: "/openapi.json", domNode: place, deepLinking: true, docExpansion: "none", defaultModelsExpandDepth: -1, filter: true, persistAuthorization: false, validatorUrl: null });
});
script.addEventListener("error", () => place.append("The reference could not be loaded. Load the page again, or read /openapi.json."));
document.head.append(script);
