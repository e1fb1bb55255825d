// The drawer with the order and the person's other exams; what is open in it comes from the server when it is opened.
import { fragment } from "./server";
import { phrase } from "./phrase";

const REMEMBERED = "quang-reading-drawer";

export class Drawer {
  constructor(
    private readonly page: HTMLElement,
    private readonly aside: HTMLElement,
    private readonly toggler: HTMLButtonElement,
    compare: (priorId: number) => void,
  ) {
    toggler.addEventListener("click", () => this.toggle());
    const remembered = localStorage.getItem(REMEMBERED);
    this.show(remembered ? remembered === "open" : innerWidth >= 1700);
    aside.addEventListener("click", (event) => {
      const target = event.target instanceof Element ? event.target : null;
      const comparing = target?.closest<HTMLElement>("[data-compare]");
      if (comparing) compare(Number(comparing.dataset.compare));
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
  }
}
