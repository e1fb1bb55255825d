// How the draft's state is told: a dot and a sentence in the editor's foot, and a bar when typing is at risk.
import { element } from "./element";
import type { Report } from "./draft";
import { phrase } from "./phrase";

export class SavingSign {
  private readonly login = element("form", "", "relogin");
  /** Whether what is typed is kept on this computer, too. */
  keptHere = false;
  private readonly failed = element("span");

  constructor(
    private readonly sign: HTMLElement,
    private readonly bar: HTMLElement,
    private readonly loginAddress: string,
    private readonly user: { username: string; name: string },
    private readonly signedIn: () => void,
  ) {
    const password = element("input");
    password.type = "password";
    password.autocomplete = "current-password";
    password.required = true;
    password.placeholder = phrase("password", { name: user.name });
    const button = element("button", phrase("log_in_again"), "button small primary");
    button.type = "submit";
    this.login.append(password, button, this.failed);
    this.login.addEventListener("submit", (event) => {
      event.preventDefault();
      void this.logIn(password);
    });
  }

  /** The session is begun again in this place, as the same person; what was typed stays where it is and is saved. */
  private async logIn(password: HTMLInputElement): Promise<void> {
    this.failed.textContent = "";
    try {
      const page = await fetch(this.loginAddress, { credentials: "same-origin" });
      const token = /name="csrfmiddlewaretoken" value="([^"]+)"/.exec(await page.text())?.[1] ?? "";
      const body = new URLSearchParams({ username: this.user.username, password: password.value, csrfmiddlewaretoken: token });
      const answer = await fetch(this.loginAddress, { method: "POST", body, credentials: "same-origin", redirect: "manual" });
      if (answer.type !== "opaqueredirect") {
        this.failed.textContent = phrase("login_failed");
        return;
      }
    } catch {
      this.failed.textContent = phrase("action_unreachable");
      return;
    } finally {
      password.value = "";
    }
    this.signedIn();
  }

  show(report: Report): void {
    this.sign.dataset.state = report.state;
    const name = report.state === "saved" && !report.savedAt ? "nothing" : report.state;
    const text = this.sign.querySelector("span");
    if (text) text.textContent = phrase(`saving_${name}`, { time: report.savedAt });
    const atRisk = report.state === "unreachable" || report.state === "signed-out" || report.state === "refused" || report.state === "conflict";
    this.bar.hidden = !atRisk;
    if (!atRisk) return;
    if (report.state === "signed-out" && this.login.isConnected) return; // a password is being typed
    this.bar.dataset.state = report.state;
    const risk = this.keptHere && report.state === "unreachable" ? "unreachable_kept" : report.state;
    const sentence = phrase(`risk_${risk}`, { seconds: report.retryInSeconds });
    this.bar.replaceChildren(report.state === "refused" && report.detail ? `${report.detail} ${sentence}` : sentence);
    if (report.state === "conflict") {
      const show = document.createElement("button");
      show.type = "button";
      show.className = "link";
      show.textContent = phrase("risk_conflict_show");
      show.addEventListener("click", () => document.querySelector("#conflict h2")?.scrollIntoView({ block: "start" }));
      this.bar.append(" ", show);
    }
    if (report.state === "signed-out") {
      this.bar.append(this.login);
      this.login.querySelector("input")?.setAttribute("aria-label", phrase("password", { name: this.user.name }));
    }
  }
}
