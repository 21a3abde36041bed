/** Answers that one call does not bring: asked for until they are there, or several times where one has less than the client wants. */
import { GatewayError } from "../errors.ts";
import type { Answer, Errand } from "../protocols/protocol.ts";
import type { Attempt } from "../router/index.ts";
import { ask, notIts, ownerOf, readBounded } from "../upstream/index.ts";
import { isPassing, tryOnce } from "./attempt.ts";
import type { Exchange } from "./exchange.ts";

/** Largest answer that is read whole: an isolate has 128 MB. */
export const answerLimit = 48 * 1024 * 1024;
/** A question about an answer that is under way is asked again when it fails: what was begun there is already being paid for. */
const mostFailures = 5;

type Under = { readonly attempt: Attempt; readonly exchange: Exchange; readonly signal: AbortSignal };

/** The first answer once it is there, and the others. The others are asked for when the first has come, so that a refusal costs one. */
export async function gathered(under: Under, first: Answer): Promise<{ first: Answer; more: readonly Answer[] }> {
  const { exchange: { times = 1 } } = under;
  const arrived = await followed(under, first);
  const others = await Promise.all(Array.from({ length: times - 1 }, () => another(under)));
  return { first: arrived, more: others.filter((one) => one !== undefined) };
}

/** One more of the same; undefined: it did not come. The client gets what did. */
async function another(under: Under): Promise<Answer | undefined> {
  const { attempt, exchange, signal } = under;
  try {
    const tried = await tryOnce(attempt, exchange, signal);
    return "failure" in tried ? undefined : await followed(under, await answerIn(tried.response, attempt.endpoint.provider));
  } catch {
    if (signal.aborted) throw signal.reason;
    return undefined;
  }
}

async function answerIn(response: Response, { name }: { readonly name: string }): Promise<Answer> {
  const bytes = await readBounded(response.body, answerLimit);
  if (!bytes) throw new GatewayError("upstream_error", `The answer of ${name} is larger than ${answerLimit / 1024 / 1024} MiB.`);
  return { bytes, contentType: response.headers.get("content-type") ?? "application/json" };
}

/** Asks on until the answer is there. Throws what the exchange throws of an answer that will never be. */
async function followed(under: Under, first: Answer): Promise<Answer> {
  const { attempt, exchange, signal } = under;
  let answer = first;
  let at = "";
  for (let errand = exchange.follow?.(answer); errand; errand = exchange.follow?.(answer)) {
    at = errand.url ?? at;
    answer = await fetched(attempt, exchange.protocol, { url: at, afterMs: errand.afterMs }, signal);
  }
  return answer;
}

async function fetched({ endpoint }: Attempt, protocol: string, { url, afterMs }: Required<Errand>, signal: AbortSignal): Promise<Answer> {
  const { name } = endpoint.provider;
  if (!ownerOf(url, endpoint)) throw notIts(name);
  for (let failures = 0; ; failures += 1) {
    await scheduler.wait(afterMs * (failures + 1), { signal }).catch(() => {
      throw signal.reason;
    });
    const response = await ask({ endpoint, protocol, at: url, signal }).catch((): undefined => void signal.throwIfAborted());
    if (response?.ok) return answerIn(response, { name });
    void response?.body?.cancel();
    if (failures >= mostFailures || (response && !isPassing(response.status))) {
      throw new GatewayError("upstream_error", `${name} does not say what became of the request${response ? `: it answered ${response.status}` : ""}.`);
    }
  }
}
