/**
 * Upper bounds of what a request makes a model read, before anybody has counted it. Text counts by its bytes, every name and number of
 * the JSON that it stands in included; media by kind; and what a provider adds unseen is named as such, for its model's context window
 * is the only bound of that.
 */
import { mediumOf } from "./media-bound.ts";
import type { InputFacts } from "./protocol.ts";
import { isObject, list, record, type Json } from "./json.ts";
import { textBound } from "./text-bound.ts";

/** What a template writes around a message, a part, a tool or a schema. */
const tokensPerObject = 8;
/** What a tokenizer may set around a text of its own: a first space, a begin and an end. */
const tokensPerText = 4;
/**
 * What a provider writes before a conversation: up to 163 tokens (xAI); where there are tools, citations or a schema for the answer,
 * instructions of up to 653 tokens for each (Nova; Claude: https://docs.anthropic.com/en/docs/agents-and-tools/tool-use/overview#pricing).
 * Measured with `npm run test:bound`.
 */
const templateTokens = 250;
const toolTemplateTokens = 1_000;
/** A tool that the provider has defined itself: Claude's text editor, bash and computer are 245 to 735 tokens each (same page). */
const definedToolTokens = 1_000;
/**
 * About four bytes are a token. Measured beside tokenx 2.2, which is no nearer to what providers said they had counted, takes 170 times
 * as long, and is six times too low for Hindi or Thai. Media: what a page, a picture or a minute of speech usually has.
 */
const likelyBytesPerToken = 4;
const likelyToolTokens = 150;
const likelyMediumTokens = 1_500;

/** How often a provider may search the web for one request that does not say, and how often it reads its model's window in doing so. */
export const unknownSearches = 10;

/** What JSON writes with a backslash. */
const escaped = /[^ !#-[\]-\uffff]/;

/** Inside these stands JSON that a program wrote or reads: whatever looks like a picture there is text to the model. */
const ofPrograms = new Set(["args", "response", "input_schema", "parameters", "responseSchema", "responseJsonSchema", "schema"]);

/** A value to read: under which name, in a block of which type, and whether there may be media in it. */
type Open = { value: unknown; key: string; within: string; media: boolean };

class Walk implements InputFacts {
  inputTokens = 0;
  likelyInputTokens = 0;
  pictures = 0;
  unseen = false;
  /** Answers shall say where they have it from, which a template explains. */
  cites = false;

  /** `asJson`: a template writes it within JSON, where some characters become several. */
  text(text: string, asJson = false): void {
    const bytes = textBound(asJson && escaped.test(text) ? JSON.stringify(text) : text);
    this.inputTokens += bytes;
    this.likelyInputTokens += bytes / likelyBytesPerToken;
  }

  token(): void {
    this.inputTokens += 1;
    this.likelyInputTokens += 1;
  }

  /** Everything in a value. `media`: there may be pictures and files in it; otherwise whatever it holds is text. */
  all(top: unknown, media: boolean): void {
    const open: Open[] = [{ value: top, key: "", within: "", media }];
    for (let next = open.pop(); next; next = open.pop()) {
      const { value, key, within, media: some } = next;
      if (typeof value === "string") this.text(value, !some);
      else if (Array.isArray(value)) {
        this.inputTokens += tokensPerText * value.length;
        for (const item of value) open.push({ value: item, key, within, media: some });
      } else if (typeof value === "object" && value !== null) this.object(next, value as Json, open);
      else if (value !== undefined && value !== null) this.inputTokens += typeof value === "number" ? String(value).length : 5;
    }
  }

  private object({ key, within, media }: Open, value: Json, open: Open[]): void {
    const medium = media ? mediumOf(value, key, within) : undefined;
    if (medium) this.medium(medium.is, "tokens" in medium ? medium.tokens : 0);
    const type = typeof value.type === "string" ? value.type : "";
    this.inputTokens += tokensPerObject;
    for (const name in value) {
      const field = value[name];
      const bytes = textBound(name) + 2;
      this.inputTokens += bytes;
      this.likelyInputTokens += bytes / likelyBytesPerToken;
      if (name === "citations" && media) this.cites = true;
      if (typeof field === "string") {
        if (medium?.skip !== name) this.text(field, !media);
      } else open.push({ value: field, key: name, within: type, media: media && !ofPrograms.has(name) && !(name === "input" && type.endsWith("tool_use")) });
    }
  }

  private medium(kind: "picture" | "unseen" | "recording", tokens: number): void {
    if (kind === "picture") this.pictures += 1;
    if (kind === "unseen") this.unseen = true;
    this.inputTokens += tokens;
    this.likelyInputTokens += likelyMediumTokens;
  }
}

const facts = ({ inputTokens, likelyInputTokens, pictures, unseen }: InputFacts): InputFacts => ({
  inputTokens, likelyInputTokens: Math.ceil(likelyInputTokens), ...(pictures && { pictures }), ...(unseen && { unseen }),
});

/** Fields in which a protocol has what people and programs said; in all others there is text only. */
const spokenFields = new Set(["messages", "input", "contents", "system", "instructions", "systemInstruction", "content", "requests"]);
/** Fields with which a template changes: tools, and how the answer shall look. */
const templateFields = ["tools", "functions", "response_format", "text", "output_config", "output_format", "outputConfig", "toolConfig"];

/** What a conversation makes a model read. `hosted`: something in it lets the provider read more than the request says. */
export function boundConversation(body: Json, hosted: boolean): InputFacts {
  const walk = new Walk();
  for (const key in body) if (key !== "model") walk.all(body[key], spokenFields.has(key));
  walk.unseen ||= hosted;
  const { responseSchema, responseJsonSchema, response_schema, response_json_schema } = record(body.generationConfig);
  const hasTools = [responseSchema, responseJsonSchema, response_schema, response_json_schema, ...templateFields.map((key) => body[key])].some((field) => field != null);
  walk.likelyInputTokens += hasTools ? likelyToolTokens : 0;
  walk.inputTokens += templateTokens + (hasTools ? toolTemplateTokens : 0) + (walk.cites ? toolTemplateTokens : 0) + definedToolTokens * list(body.tools).filter(isDefined).length;
  return facts(walk);
}

/** Parts to embed: nothing is written around them. */
export function boundParts(value: unknown): InputFacts {
  const walk = new Walk();
  walk.all(value, true);
  return facts(walk);
}

/** Texts to complete or to embed, in words or as lists of tokens. */
export function boundTexts(value: unknown): InputFacts {
  const walk = new Walk();
  const texts = (one: unknown): void => {
    if (Array.isArray(one)) for (const each of one) texts(each);
    else if (typeof one === "number") walk.token();
    else if (typeof one === "string") {
      walk.inputTokens += tokensPerText;
      walk.text(one);
    }
  };
  texts(value);
  return facts(walk);
}

/** A tool by its type alone. */
const isDefined = (tool: unknown): boolean => isObject(tool) && typeof tool.type === "string" && tool.type !== "function" && tool.type !== "custom";

/** Whether one of `tools` is run by the provider: those are all whose type is not named here. */
export const runsTools = (tools: unknown, byClients: RegExp): boolean =>
  list(tools).some((tool) => isDefined(tool) && !byClients.test(String(record(tool).type)));
