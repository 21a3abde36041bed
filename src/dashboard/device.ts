/** What a browser calls itself, as somebody would say it. */

const browsers: readonly (readonly [RegExp, string])[] = [
  [/\bEdgA?\/|\bEdgiOS\//, "Edge"], [/\bOPR\/|\bOpera\//, "Opera"], [/\bSamsungBrowser\//, "Samsung Internet"], [/\bVivaldi\//, "Vivaldi"],
  [/\bFirefox\/|\bFxiOS\//, "Firefox"], [/Chrome\/|\bCriOS\/|\bChromium\//, "Chrome"], [/\bSafari\//, "Safari"],
];
const systems: readonly (readonly [RegExp, string])[] = [
  [/\biPhone\b/, "iPhone"], [/\biPad\b/, "iPad"], [/\bAndroid\b/, "Android"], [/\bCrOS\b/, "ChromeOS"], [/\bWindows\b/, "Windows"], [/\bMacintosh\b|\bMac OS X\b/, "Mac"], [/\bLinux\b/, "Linux"],
];

const named = (table: readonly (readonly [RegExp, string])[], userAgent: string): string | undefined => table.find(([pattern]) => pattern.test(userAgent))?.[1];

/** `Firefox on Linux`; as much of it as is known. It is what the browser says, and proves nothing. */
export function deviceOf(userAgent: string): string {
  const [browser, system] = [named(browsers, userAgent), named(systems, userAgent)];
  if (!browser && !system) return userAgent.trim() === "" ? "Something that gave no name" : userAgent.trim().slice(0, 60);
  return [browser ?? "A browser", ...(system ? [`on ${system}`] : [])].join(" ");
}

/** An address as it is written: of an IPv6 network its first half, which is what is kept. */
export function addressInWords(address: string): string {
  if (address === "") return "not known";
  const asHost = `http://[${address}]`;
  return URL.canParse(asHost) ? new URL(asHost).hostname.slice(1, -1) : address;
}
