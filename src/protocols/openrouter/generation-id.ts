/** The id by which an answer is known to OpenRouter's clients, and back to the request's. */
export const generationId = (requestId: string): string => requestId.replace(/^req_/, "gen-");
export const requestIdOf = (id: string): string => id.replace(/^gen-/, "req_");
