/** What a maker of pictures can be told, found out by telling it: what it would have to leave out is none of its abilities. */
import { familyOf } from "../media/image-form.ts";
import type { CrossingContext } from "../protocol.ts";
import { openrouterImages, openrouterImagesFor } from "./images.ts";

type Ability = { readonly type: "enum"; readonly values: readonly string[] } | { readonly type: "range"; readonly min: number; readonly max: number } | { readonly type: "boolean" };

const values: Readonly<Record<string, readonly string[]>> = {
  aspect_ratio: ["1:1", "1:2", "2:1", "2:3", "3:2", "3:4", "4:3", "4:5", "5:4", "9:16", "16:9", "9:21", "21:9"],
  resolution: ["512", "1K", "2K", "4K"], quality: ["low", "medium", "high", "xhigh", "max"], background: ["transparent", "opaque"], output_format: ["png", "jpeg", "webp"],
};
const reference = { type: "image_url", image_url: { url: "data:image/png;base64,AAAA" } };

/** Of a deployment that speaks these. Nothing is known of OpenRouter's, nor of models that draw in conversations, but how many pictures can be asked for. */
export function imageAbilities(spoken: readonly string[], upstreamId: string): { readonly parameters: Readonly<Record<string, Ability>>; readonly streams: boolean } {
  const hears = (field: string, value: unknown, more: Record<string, unknown> = {}): boolean => {
    const json = { model: upstreamId, prompt: "A house.", ...more, [field]: value };
    const { crossings = [] } = openrouterImagesFor(json);
    const crossing = spoken.map((id) => crossings.find((one) => one.id === id)).find((one) => one !== undefined);
    if (!crossing) return false;
    try {
      const context: CrossingContext = { json, facts: openrouterImages.parse(json), upstreamId, provider: "", requestId: "", nowS: 0 };
      return !crossing.render(context).losses.some((loss) => loss === field || loss === `field:${field}`);
    } catch {
      return false;
    }
  };
  const listed = Object.entries(values).flatMap(([field, all]): [string, Ability][] => {
    const heard = all.filter((value) => hears(field, value));
    return heard.length > 0 ? [[field, { type: "enum", values: heard }]] : [];
  });
  return {
    parameters: {
      n: { type: "range", min: 1, max: 10 }, ...Object.fromEntries(listed),
      ...(hears("seed", 1) && { seed: { type: "boolean" } as const }),
      ...(hears("output_compression", 50, { output_format: "jpeg" }) && hears("output_format", "jpeg") && { output_compression: { type: "range", min: 0, max: 100 } as const }),
      ...(hears("input_references", [reference]) && { input_references: { type: "range", min: 0, max: hears("input_references", [reference, reference]) ? 16 : 1 } as const }),
    },
    streams: spoken.includes("openai-images") && familyOf(upstreamId).streams === true,
  };
}
