/** Answers of vectors, rankings and moderations that were told anew: whether they say the same as what the provider said. */

type Json = Record<string, unknown>;
const record = (value: unknown): Json => (typeof value === "object" && value !== null && !Array.isArray(value) ? (value as Json) : {});
const list = (value: unknown): unknown[] => (Array.isArray(value) ? (value as unknown[]) : []);

/** `ofBytes`: each number is one (Perplexity). */
function numbers(value: unknown, ofBytes: boolean): number[] {
  if (typeof value !== "string") return list(value) as number[];
  const bytes = Uint8Array.from(Buffer.from(value, "base64"));
  return ofBytes ? [...new Int8Array(bytes.buffer)] : [...new Float32Array(bytes.buffer.slice(0, bytes.length - (bytes.length % 4)))];
}

/** Vectors wherever OpenAI, Cohere, Google and Amazon have them. */
function vectorsIn(text: string): number[][] {
  const { data, embeddings, embedding, model, predictions } = JSON.parse(text) as Json;
  const ofBytes = String(model).startsWith("pplx-embed");
  if (data) return list(data).map((one) => numbers(record(one).embedding, ofBytes));
  if (predictions) return list(predictions).map((one) => numbers(record(record(one).embeddings).values, false));
  if (Array.isArray(embedding)) return [embedding as number[]];
  if (embedding) return [numbers(record(embedding).values, false)];
  if (Array.isArray(embeddings)) return embeddings.map((one) => numbers(record(one).values ?? record(one).embedding, false));
  return list(record(embeddings).float ?? record(embeddings).base64).map((one) => numbers(one, false));
}

/** Tokens wherever they are told; undefined: they are not. */
function tokensIn(text: string): unknown {
  const { usage, meta, usageMetadata, inputTextTokenCount, predictions } = JSON.parse(text) as Json;
  if (predictions) return list(predictions).reduce<number>((sum, one) => sum + Number(record(record(record(one).embeddings).statistics).token_count), 0);
  return inputTextTokenCount ?? record(usage).prompt_tokens ?? record(usage).total_tokens ?? record(record(meta).billed_units).input_tokens ?? record(usageMetadata).promptTokenCount;
}

const nearly = (one: number, other: number): boolean => one === other || Math.fround(one) === Math.fround(other);

/** Why two answers are not the same vectors; undefined: they are. */
export function otherVectors(wanted: string, got: string): string | undefined {
  const [theirs, ours] = [vectorsIn(wanted), vectorsIn(got)];
  if (theirs.length !== ours.length) return `${theirs.length} vectors became ${ours.length}`;
  const at = theirs.findIndex((vector, i) => vector.length !== ours[i]!.length || vector.some((one, j) => !nearly(one, ours[i]![j]!)));
  if (at >= 0) return `vector ${at} of ${theirs[at]!.length} numbers became another of ${ours[at]!.length}`;
  const tokens = tokensIn(wanted);
  return tokens === undefined || tokens === tokensIn(got) ? undefined : `${String(tokens)} tokens became ${String(tokensIn(got))}`;
}

const ranksIn = (text: string): unknown => {
  const { results, data } = JSON.parse(text) as Json;
  return list(results ?? data).map((one) => [record(one).index, record(one).relevance_score ?? record(one).score]);
};

export function otherRanking(wanted: string, got: string): string | undefined {
  const [theirs, ours] = [JSON.stringify(ranksIn(wanted)), JSON.stringify(ranksIn(got))];
  return theirs === ours ? undefined : `${theirs} became ${ours}`;
}

/** How many vectors, and in which form, a recording has. */
export function shapeOf(text: string): { vectors: number; base64: boolean; single: boolean } {
  const answer = JSON.parse(text) as Json;
  const first = record(list(answer.data)[0]).embedding;
  return { vectors: vectorsIn(text).length, base64: typeof first === "string", single: answer.embedding !== undefined };
}
