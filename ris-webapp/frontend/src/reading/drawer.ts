// The drawer with the order and the person's other exams; what is open in it comes from the server when it is opened.
import { fragment } from "./server";
import { phrase } from "./phrase";

const REMEMBERED = "quang-reading-drawer";

/** The report being written, as far as the drawer has to do with it. */
export interface Draft {
  flush: () => Promise<boolean>;
  take: (section: string, text: string) => void;
  editable: () => boolean;
}

export class Drawer {
  constructor(
    private readonly page: HTMLElement,
    private readonly aside: HTMLElement,
    private readonly toggler: HTMLButtonElement,
    compare: (priorId: number) => void,
    private readonly draft: Draft,
  ) {
    toggler.addEventListener("click", () => this.toggle());
    const remembered = localStorage.getItem(REMEMBERED);
    this.show(remembered ? remembered === "open" : innerWidth >= 1700);
    aside.addEventListener("click", (event) => {
      const target = event.target instanceof Element ? event.target : null;
      const comparing = target?.closest<HTMLElement>("[data-compare]");
      if (comparing) compare(Number(comparing.dataset.compare));
      const differing = target?.closest<HTMLElement>("[data-differ]");
      if (differing) void this.differ(differing);
      const taking = target?.closest<HTMLElement>("[data-take-section]");
      if (taking) this.take(taking);
    });
    for (const details of aside.querySelectorAll<HTMLDetailsElement>("details[data-prior]")) {
      details.addEventListener("toggle", () => void this.load(details));
    }
  }

  toggle(): void {
    this.show(this.aside.hidden);
    localStorage.setItem(REMEMBERED, this.aside.hidden ? "closed" : "open");
  }

  /** Marks the prior whose images lie beside the exam's; null for none. */
  mark(priorId: number | null): void {
    for (const details of this.aside.querySelectorAll<HTMLElement>("details[data-prior]")) {
      const beside = Number(details.dataset.priorId) === priorId;
      details.classList.toggle("is-beside", beside);
      details.querySelector("[data-compare]")?.setAttribute("aria-pressed", String(beside));
    }
  }

  private show(open: boolean): void {
    this.aside.hidden = !open;
    this.page.classList.toggle("has-drawer", open);
    this.toggler.setAttribute("aria-expanded", String(open));
  }

  private async load(details: HTMLDetailsElement): Promise<void> {
    const body = details.querySelector<HTMLElement>("[data-prior-body]");
    const address = details.dataset.prior;
    if (!details.open || !body || !address || body.dataset.loaded) return;
    const html = await fragment(address);
    if (html === null) {
      body.textContent = phrase("fragment_failed");
      return;
    }
    body.innerHTML = html; // our own server's markup, escaped there
    body.dataset.loaded = "yes";
    for (const button of body.querySelectorAll<HTMLElement>("[data-take-section]")) button.hidden = !this.draft.editable();
  }

  /** Shows how the draft differs from a prior's report, in its place; pressed again, the report itself. */
  private async differ(button: HTMLElement): Promise<void> {
    const body = button.closest<HTMLElement>(".prior-body");
    const panel = body?.querySelector<HTMLElement>("[data-differences]");
    if (!body || !panel || !button.dataset.differ) return;
    if (panel.hidden) {
      await this.draft.flush();
      panel.innerHTML = (await fragment(button.dataset.differ)) ?? phrase("fragment_failed");
    }
    panel.hidden = !panel.hidden;
    body.classList.toggle("shows-differences", !panel.hidden);
    button.setAttribute("aria-pressed", String(!panel.hidden));
  }

  private take(button: HTMLElement): void {
    const section = button.dataset.takeSection ?? "";
    const text = button.closest(".prior-body")?.querySelector(`[data-section-text="${CSS.escape(section)}"]`)?.textContent;
    if (text) this.draft.take(section, text);
  }
}
