// Talks to the reading page's own URLs in JSON; tells a server that cannot be reached from one that refuses.

/** problem+json (RFC 9457) with the suite's stable code. */
export interface Problem {
  status: number;
  code: string;
  detail: string;
}

export type Answer<T> =
  | { kind: "ok"; value: T }
  | { kind: "unreachable" }
  | { kind: "signed-out" }
  | { kind: "problem"; problem: Problem; body: Record<string, unknown> };

const TIMEOUT_MS = 15_000;

function csrfToken(): string {
  return document.querySelector<HTMLMetaElement>("meta[name=csrf-token]")?.content ?? "";
}

export async function ask<T>(url: string, body?: unknown, leaving = false): Promise<Answer<T>> {
  let response: Response;
  try {
    response = await fetch(url, {
      method: body === undefined ? "GET" : "POST",
      headers: { Accept: "application/json", "Content-Type": "application/json", "X-CSRFToken": csrfToken() },
      body: body === undefined ? undefined : JSON.stringify(body),
      credentials: "same-origin",
      redirect: "manual", // to the login page: the session is over
      keepalive: leaving,
      signal: leaving ? undefined : AbortSignal.timeout(TIMEOUT_MS),
    });
  } catch {
    return { kind: "unreachable" };
  }
  if (response.type === "opaqueredirect" || response.status === 401) return { kind: "signed-out" };
  if (response.status >= 502 && response.status <= 504) return { kind: "unreachable" };
  let value: unknown;
  try {
    value = await response.json();
  } catch {
    value = {};
  }
  if (response.ok) return { kind: "ok", value: value as T };
  const found = value as Partial<Problem> & Record<string, unknown>;
  const problem = { status: response.status, code: found.code ?? "", detail: found.detail ?? "" };
  return { kind: "problem", problem, body: found };
}

/** HTML of a fragment, or null when it cannot be had now. */
export async function fragment(url: string): Promise<string | null> {
  try {
    const response = await fetch(url, { credentials: "same-origin", headers: { "X-Requested-With": "fetch" }, redirect: "manual" });
    return response.ok ? await response.text() : null;
  } catch {
    return null;
  }
}
