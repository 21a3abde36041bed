/** A client's own server is told of something, at an address that was checked before. Nothing of its answer is read, and no redirect is followed. */

/** Whether it has heard: a status of 2xx. Throws where it cannot be reached. */
export async function notify(url: string, headers: Readonly<Record<string, string>>, body: string, signal: AbortSignal): Promise<boolean> {
  const response = await fetch(url, { method: "POST", headers: { "content-type": "application/json", "user-agent": "forge", ...headers }, body, redirect: "manual", signal });
  void response.body?.cancel();
  return response.ok;
}
