/** What the server tells of a host over HTTP. */

/** Where a host's `what` is, relative to the page, at a moment in seconds since 1970; null: now. */
export function hostUrl(
  page: string,
  hostId: string,
  what: string,
  parameters: Readonly<Record<string, string | number>>,
  atS: number | null,
): URL {
  const url = new URL(`api/v1/hosts/${encodeURIComponent(hostId)}/${what}`, page);
  if (atS !== null) url.searchParams.set("at_s", String(atS));
  for (const [name, value] of Object.entries(parameters)) {
    url.searchParams.set(name, String(value));
  }
  return url;
}

/** Its answer as JSON; errors say in words what was wrong. */
export async function askJson<T>(url: URL, signal: AbortSignal): Promise<T> {
  const answer = await fetch(url, { signal }).catch(() => null);
  if (answer === null) throw new Error("The server does not answer.");
  const body = (await answer.json().catch(() => null)) as unknown;
  if (answer.ok && body !== null) return body as T;
  const said = (body as { readonly message?: unknown } | null)?.message;
  throw new Error(
    typeof said === "string" ? said : `The server answered with status ${answer.status}.`,
  );
}
