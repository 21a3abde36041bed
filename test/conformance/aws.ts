/**
 * AWS's signatures, version 4, as the server checks them: the signature is computed anew from what came over the wire, with the account's secret.
 * https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html
 */
import { createHash, createHmac } from "node:crypto";
import type { IncomingHttpHeaders } from "node:http";

export type Account = { accessKeyId: string; secretAccessKey: string; sessionToken?: string };
export type Signed = { method: string; /** Path and query, as on the request's first line. */ target: string; headers: IncomingHttpHeaders; body: string };
export type Place = { region: string; service: string; nowMs: number };

/** How far a clock may be off. */
const mostSkewMs = 5 * 60_000;

const sha256 = (text: string): string => createHash("sha256").update(text).digest("hex");
const hmac = (key: string | Buffer, text: string): Buffer => createHmac("sha256", key).update(text).digest();
const encoded = (text: string): string => encodeURIComponent(text).replaceAll(/[!'()*]/g, (letter) => `%${letter.charCodeAt(0).toString(16).toUpperCase()}`);
const timeOf = (stamp: string): number => Date.parse(stamp.replace(/^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z$/, "$1-$2-$3T$4:$5:$6Z"));

/** What is signed: paths of all services but S3 are encoded once more, queries are sorted. */
function canonical({ method, target, headers, body }: Signed, names: readonly string[]): string {
  const [path, query = ""] = target.split("?") as [string, string?];
  const sorted = [...new URLSearchParams(query)].map(([name, value]) => `${encoded(name)}=${encoded(value)}`).sort();
  const lines = names.map((name) => `${name}:${String(headers[name] ?? "").trim().replaceAll(/ +/g, " ")}\n`);
  return [method, path.split("/").map(encoded).join("/"), sorted.join("&"), lines.join(""), names.join(";"), sha256(body)].join("\n");
}

/** What AWS says against a request; undefined: nothing. */
export function faultIn(request: Signed, account: Account, { region, service, nowMs }: Place): string | undefined {
  const { headers } = request;
  const [, id, day, ...scope] = /^AWS4-HMAC-SHA256 Credential=([^/]+)\/(\d{8})\/([^/]+)\/([^/]+)\/aws4_request, ?SignedHeaders=([\w;-]+), ?Signature=([0-9a-f]{64})$/.exec(headers.authorization ?? "") ?? [];
  const [ofRegion, ofService, signedHeaders, signature] = scope as string[];
  if (signature === undefined) return "IncompleteSignatureException";
  if (id !== account.accessKeyId) return "UnrecognizedClientException: The security token included in the request is invalid.";
  const stamp = String(headers["x-amz-date"] ?? "");
  if (ofRegion !== region || ofService !== service || !stamp.startsWith(day!)) return "InvalidSignatureException: Credential should be scoped to a valid region and service.";
  if (!(Math.abs(timeOf(stamp) - nowMs) < mostSkewMs)) return "InvalidSignatureException: Signature expired.";
  const names = signedHeaders!.split(";");
  const amazons = Object.keys(headers).filter((name) => name.startsWith("x-amz-") && name !== "x-amz-content-sha256");
  if (["host", ...amazons].some((name) => !names.includes(name)) || names.join() !== names.toSorted().join()) return "InvalidSignatureException: 'Host' and 'X-Amz-*' must be signed headers, in order.";
  if (headers["x-amz-security-token"] !== account.sessionToken) return "UnrecognizedClientException: The security token included in the request is invalid.";
  const place = `${day}/${region}/${service}/aws4_request`;
  const key = [day!, region, service, "aws4_request"].reduce<string | Buffer>(hmac, `AWS4${account.secretAccessKey}`);
  const wanted = hmac(key, ["AWS4-HMAC-SHA256", stamp, place, sha256(canonical(request, names))].join("\n")).toString("hex");
  return wanted === signature ? undefined : "InvalidSignatureException: The request signature we calculated does not match the signature you provided.";
}
