// The panel of a report's versions and earlier drafts: opened and closed, two states compared, one taken again.
import { need } from "./found";
import { phrase } from "./phrase";
import { fragment } from "./server";

export class History {
  private readonly panel = need("#history", HTMLElement);

  /**
   * @param versions address of what is in the panel
   * @param states address that shows two states against each other
   * @param take an earlier state is wanted again: its address, and when it was
   */
  constructor(
    private readonly versions: string,
    private readonly states: string,
    take: (address: string, time: string) => void,
  ) {
    this.panel.addEventListener("change", (event) => {
      const form = event.target instanceof Element ? event.target.closest("form") : null;
      if (form) void this.compare(form);
    });
    this.panel.addEventListener("click", (event) => {
      const button = event.target instanceof Element ? event.target.closest<HTMLElement>("[data-take-state]") : null;
      if (button) take(button.dataset.takeState ?? "", button.dataset.at ?? "");
    });
  }

  async toggle(): Promise<void> {
    if (!this.panel.hidden) {
      this.panel.hidden = true;
      return;
    }
    this.panel.innerHTML = (await fragment(this.versions)) ?? phrase("fragment_failed");
    this.panel.hidden = false;
    this.panel.scrollIntoView({ block: "start" });
    this.panel.querySelector<HTMLElement>("h2")?.focus();
  }

  private async compare(form: HTMLFormElement): Promise<void> {
    const [older, newer] = ["older", "newer"].map((name) => String(new FormData(form).get(name) ?? ""));
    const result = form.querySelector<HTMLElement>("[data-compared]");
    if (!result || !older || !newer) return;
    const query = new URLSearchParams({ older, newer });
    result.innerHTML = (await fragment(`${this.states}?${query}`)) ?? phrase("fragment_failed");
  }
}
