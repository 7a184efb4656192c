/** Hands a recording to the server, which then shows it. */
import type { RecordingAdded } from "../wire/types";

/** Errors say in words what was wrong. */
export async function sendRecording(file: File): Promise<RecordingAdded> {
  const url = new URL("api/v1/recordings", document.baseURI);
  url.searchParams.set("name", file.name);
  const answer = await fetch(url, { method: "POST", body: file }).catch(() => null);
  if (answer === null) throw new Error("The server does not answer.");
  const body = (await answer.json().catch(() => null)) as unknown;
  if (answer.ok && body !== null) return body as RecordingAdded;
  const said = (body as { readonly message?: unknown } | null)?.message;
  throw new Error(typeof said === "string" ? said : `status ${answer.status}`);
}
