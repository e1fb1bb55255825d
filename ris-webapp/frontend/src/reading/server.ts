// Talks to the reading page's own URLs in JSON; tells a server that cannot be reached from one that refuses.

/** problem+json (RFC 9457) with the suite's stable code. */
export interface Problem {
  status: number;
  code: string;
  title: string;
  detail: string;
}

export type Answer<T> =
  | { kind: "ok"; value: T }
  | { kind: "unreachable" }
  | { kind: "signed-out" }
  | { kind: "problem"; problem: Problem; body: Record<string, unknown> };

const TIMEOUT_MS = 15_000;
const STALE_FORM = "QUANG-1008";

let token: string | undefined;

/** The token that every page carries; logging in again in another window makes a new one. */
export function csrfToken(): string {
  token ??= (JSON.parse(document.body.getAttribute("hx-headers") ?? "{}") as Record<string, string>)["X-CSRFToken"] ?? "";
  return token;
}

export function renewCsrfToken(renewed: string): void {
  token = renewed;
}

export async function ask<T>(url: string, body?: unknown, leaving = false): Promise<Answer<T>> {
  let response: Response;
  const headers: Record<string, string> = { Accept: "application/json" };
  if (body === undefined) headers["X-Quang-Background"] = "1"; // a page that looks again by itself keeps no session alive
  else Object.assign(headers, { "Content-Type": "application/json", "X-CSRFToken": csrfToken() });
  try {
    response = await fetch(url, {
      method: body === undefined ? "GET" : "POST",
      headers,
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
  // after a new login elsewhere this page's form token is stale: it is as if signed out until the token is renewed
  if (found.code === STALE_FORM) return { kind: "signed-out" };
  const { code = "", title = "", detail = "" } = found;
  return { kind: "problem", problem: { status: response.status, code, title, detail }, body: found };
}

/** HTML of a fragment, or null when it cannot be had now. */
export async function fragment(url: string): Promise<string | null> {
  try {
    const response = await fetch(url, { credentials: "same-origin", redirect: "manual" });
    return response.ok ? await response.text() : null;
  } catch {
    return null;
  }
}
