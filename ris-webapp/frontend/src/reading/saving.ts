// How the draft's state is told: a dot and a sentence in the editor's foot, and a bar when typing is at risk.
import type { Report } from "./draft";
import { phrase } from "./phrase";

export class SavingSign {
  constructor(
    private readonly sign: HTMLElement,
    private readonly bar: HTMLElement,
    private readonly loginAddress: string,
  ) {}

  show(report: Report): void {
    this.sign.dataset.state = report.state;
    const name = report.state === "saved" && !report.savedAt ? "nothing" : report.state;
    const text = this.sign.querySelector("span");
    if (text) text.textContent = phrase(`saving_${name}`, { time: report.savedAt });
    const atRisk = report.state === "unreachable" || report.state === "signed-out" || report.state === "refused" || report.state === "conflict";
    this.bar.hidden = !atRisk;
    if (!atRisk) return;
    this.bar.dataset.state = report.state;
    const sentence = phrase(`risk_${report.state}`, { seconds: report.retryInSeconds });
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
      const link = document.createElement("a");
      link.href = this.loginAddress;
      link.target = "_blank";
      link.textContent = phrase("log_in_again");
      this.bar.append(" ", link);
    }
  }
}
