// Send a form to the server from a script: with the page's CSRF token, errors as sentences.

import { toast } from "./toast";
import { say } from "./words";

/** The answer's JSON, an empty object when it has none; nothing when the server refused, which has been shown. */
export async function post(address: string, values: Record<string, string> | FormData): Promise<Record<string, unknown> | undefined> {
  const token = (JSON.parse(document.body.getAttribute("hx-headers") ?? "{}") as Record<string, string>)["X-CSRFToken"] ?? "";
  const body = values instanceof FormData ? values : new URLSearchParams(values);
  try {
    const answer = await fetch(address, { method: "POST", body, headers: { "X-CSRFToken": token, Accept: "application/json" } });
    const text = await answer.text();
    const json = answer.headers.get("Content-Type")?.includes("json") ? (JSON.parse(text) as Record<string, unknown>) : {};
    if (answer.ok) return json;
    toast([json.title, json.code].filter(Boolean).join(" · ") || say("failed"), "error");
  } catch {
    toast(say("failed"), "error");
  }
  return undefined;
}
