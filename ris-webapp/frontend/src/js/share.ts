// The door of a share: takes the secret out of the address, so that nothing keeps it, and posts it.
const part = <T extends HTMLElement>(id: string): T => {
  const found = document.getElementById(id);
  if (!found) throw new Error(`the page lacks #${id}`);
  return found as T;
};

const words = JSON.parse(part("share-words").textContent ?? "{}") as Record<string, string>;
const form = part<HTMLFormElement>("door");
const answer = part<HTMLInputElement>("answer");
const told = part("told");
const KEPT = "quang-share-link";

/** From the address, or from before a reload of this tab. */
function secretOfLink(): string {
  const secret = decodeURIComponent(location.hash.slice(1));
  if (secret) {
    sessionStorage.setItem(KEPT, secret);
    history.replaceState(null, "", location.pathname);
  }
  return secret || (sessionStorage.getItem(KEPT) ?? "");
}

function say(key: string): void {
  told.textContent = words[key] ?? "";
}

async function knock(): Promise<void> {
  say("wait");
  const fields = new FormData(form);
  fields.set("link", secret);
  const response = await fetch("open", { method: "POST", body: new URLSearchParams(fields as unknown as Record<string, string>) });
  if (!response.ok) return say(response.status === 429 ? "too_often" : "refused");
  const said = (await response.json()) as { to?: string; ask?: string };
  if (said.to) {
    sessionStorage.removeItem(KEPT);
    return location.replace(said.to);
  }
  told.textContent = "";
  const code = said.ask === "CODE";
  part("asked").textContent = words[code ? "code" : "password"] ?? "";
  answer.type = code ? "text" : "password";
  answer.inputMode = code ? "numeric" : "text";
  answer.autocomplete = code ? "one-time-code" : "off";
  form.hidden = false;
  answer.focus();
}

function knocking(): void {
  knock().catch(() => say("unreachable"));
}

const secret = secretOfLink();
form.addEventListener("submit", (event) => {
  event.preventDefault();
  knocking();
});
if (secret) knocking();
else say("refused");
