/** At most four cache breakpoints go with a request. https://docs.anthropic.com/en/docs/build-with-claude/prompt-caching */
import type { Lose } from "./render-files.ts";
import type { Json } from "./words.ts";

const most = 4;

/** Takes out all but the last four of the prompt, whose order is tools, system, messages; the last ones cover the most of it. */
export function limitBreakpoints(body: Json, lose: Lose): void {
  const blocks = [body.tools, body.system, ...messagesOf(body).map(({ content }) => content)].flatMap(blocksOf);
  const marked = blocks.filter(({ cache_control: control }) => control !== undefined && control !== null);
  const room = body.cache_control ? most - 1 : most;
  const surplus = marked.slice(0, Math.max(0, marked.length - room));
  if (surplus.length > 0) lose("cache_breakpoint");
  for (const block of surplus) delete block.cache_control;
}

const messagesOf = ({ messages }: Json): Json[] => messages as Json[];

/** Blocks, and those within tool results, in their order. */
const blocksOf = (blocks: unknown): Json[] => (Array.isArray(blocks) ? (blocks as Json[]).flatMap((block) => [...blocksOf(block.content), block]) : []);
