import { describe, expect, test } from "vitest";
import { checkedUrl } from "../../src/providers/url.ts";

const inside = [
  "https://localhost/v1", "https://LOCALHOST", "https://localhost./v1", "https://api.localhost", "https://intranet", "https://intranet.",
  "https://127.0.0.1", "https://127.0.0.1./v1", "https://127.1", "https://2130706433", "https://0x7f.0.0.1", "https://0177.0.0.1", "https://127。0。0。1",
  "https://10.1.2.3/v1", "https://169.254.169.254/latest/meta-data", "https://8.8.8.8", "https://[::1]/v1", "https://[::ffff:10.0.0.1]", "https://[fd00::1]",
  "https://metadata.google.internal", "https://metadata.google.internal./", "https://db.corp", "https://nas.local", "https://nas.lan", "https://x.home",
  "https://me.workers.dev", "https://me.workers.dev.",
];

describe("hosts", () => {
  test.each(inside)("%s is inside", (url) => {
    expect(() => checkedUrl(url, false, "groq")).toThrow("Base URL of groq: points to a private host (set ALLOW_PRIVATE_UPSTREAMS=true for your own network)");
    expect(checkedUrl(url, true, "groq")).toMatch(/^https:\/\//);
  });

  test.each(["http://api.groq.com/v1", "https://api.groq.com:8443/v1"])("%s is not how one calls over the internet", (url) => {
    expect(() => checkedUrl(url, false, "groq")).toThrow(/^Base URL of groq: must /);
    expect(checkedUrl(url, true, "groq")).toBe(url);
  });

  test.each(["ftp://api.groq.com", "file:///etc/passwd", "javascript:alert(1)", "data:,x", "//api.groq.com", "api.groq.com/v1", "", "https://", "https://user@api.groq.com", "https://:pw@api.groq.com", "https://api.groq.com?key=1", "https://api.groq.com/v1#x"])("%s is never a base URL", (url) => {
    expect(() => checkedUrl(url, false, "groq")).toThrow(/^Base URL of groq: /);
    expect(() => checkedUrl(url, true, "groq")).toThrow(/^Base URL of groq: /);
  });

  test.each([
    ["https://api.groq.com/openai/v1", "https://api.groq.com/openai/v1"],
    ["https://API.groq.com:443/openai/v1///", "https://api.groq.com/openai/v1"],
    ["https://localhost.example.com/local", "https://localhost.example.com/local"],
    ["https://10.0.0.1.example.com", "https://10.0.0.1.example.com"],
  ])("%s is outside", (url, checked) => expect(checkedUrl(url, false, "groq")).toBe(checked));
});
