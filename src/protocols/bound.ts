/**
 * Upper bounds of input tokens, before anybody has counted them. Text: a token covers at least one UTF-8 byte and in
 * practice two and more; media: what the dearest provider of the catalog charges for one part.
 */
const charactersPerToken = 2;
const tokensPerPart = 8;
const mediaTokens = 3_000;
const mediaUrl = /^data:[a-z]+\//;
const mediaKeys = ["image_url", "input_audio", "file", "video_url"];

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
      let keyCharacters = 0;
      for (const key in next) {
        keyCharacters += key.length;
        open.push((next as Record<string, unknown>)[key]);
      }
      const named = Math.max(tokensPerPart, Math.ceil(keyCharacters / charactersPerToken));
      tokens += mediaKeys.some((key) => key in next) ? Math.max(mediaTokens, named) : named;
    } else if (next !== undefined && next !== null) {
      tokens += 1;
    }
  }
  return tokens;
}
