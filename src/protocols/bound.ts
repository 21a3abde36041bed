/**
 * Upper bounds of input tokens, before anybody has counted them. Text: a token covers at least one UTF-8 byte and in
 * practice two and more; media: what the dearest provider of the catalog charges for one part.
 */
const charactersPerToken = 2;
const tokensPerPart = 8;
const mediaTokens = 3_000;
const mediaUrl = /^data:[a-z]+\//;
const mediaKeys = new Set(["image_url", "input_audio", "file", "video_url", "inlineData", "inline_data", "fileData", "file_data"]);
/** Anthropic's pictures and documents stand in `source`, and so does a document's text. */
const mediaSources = new Set<unknown>(["base64", "url", "file"]);
/** Blocks of Responses whose medium stands in the block itself. */
const mediaBlocks = new Set<unknown>(["input_image", "input_file", "computer_screenshot"]);
/** Pictures and films, whose bytes say little of what they cost. */
const pictureUrl = /^data:(?:image|video)\//;
/** Base64 characters per token of audio and documents: a second of speech is some 10,000 characters and 10 tokens, a page some 20,000 and 2,000. */
const mediaCharactersPerToken = 10;

/** How often a provider may search the web for one request that does not say. */
export const unknownSearches = 10;

/** Bound for one picture, recording or document: what is in it by size, at least what the dearest provider charges for one. */
function boundMedia(part: unknown): number {
  const characters = Object.values(part ?? {}).reduce<number>((sum, value) => sum + (typeof value === "string" && !pictureUrl.test(value) ? value.length : 0), 0);
  return Math.max(mediaTokens, Math.ceil(characters / mediaCharactersPerToken));
}

const isMedia = (key: string, field: unknown): boolean =>
  typeof field === "object" && (mediaKeys.has(key) || (key === "source" && mediaSources.has((field as { type?: unknown } | null)?.type)));

/** Bound for any JSON value of a request: messages, tools, inputs. Text counts by length, data URLs as one media part. */
export function boundTokens(value: unknown): number {
  let tokens = 0;
  const open: unknown[] = [value];
  while (open.length > 0) {
    const next = open.pop();
    if (typeof next === "string") {
      tokens += next.length > 512 && mediaUrl.test(next) ? mediaTokens : Math.ceil(next.length / charactersPerToken);
    } else if (Array.isArray(next)) {
      for (const item of next) open.push(item);
    } else if (typeof next === "object" && next !== null) {
      const isMedium = mediaBlocks.has((next as { type?: unknown }).type);
      if (isMedium) tokens += boundMedia(next);
      let keyCharacters = 0;
      for (const key in next) {
        keyCharacters += key.length;
        const field = (next as Record<string, unknown>)[key];
        if (isMedia(key, field)) tokens += boundMedia(field);
        else if (!isMedium || typeof field !== "string") open.push(field);
      }
      tokens += Math.max(tokensPerPart, Math.ceil(keyCharacters / charactersPerToken));
    } else if (next !== undefined && next !== null) {
      tokens += 1;
    }
  }
  return tokens;
}
