// The pick list of report templates: opened by one key, narrowed by typing any letters of the name (accents optional).
// It lies over the editor's head, not over the page, and closes by itself.
import { element } from "./element";
import { phrase } from "./phrase";

export interface Template {
  id: number;
  code: string;
  name: string;
  /** How near it is to this exam: the same service, the same modality, or neither. */
  fits: "service" | "modality" | "other";
}

export const folded = (text: string): string =>
  text.normalize("NFD").replace(/\p{M}/gu, "").replace(/đ/g, "d").replace(/Đ/g, "D").toLowerCase();

/** How well `query` fits `text`, smaller is better; null when it does not. Words may be shortened and come in any order. */
export function fit(query: string, text: string): number | null {
  const words = folded(text).split(/[^\p{L}\p{N}]+/u);
  let cost = 0;
  for (const part of folded(query).split(/\s+/).filter(Boolean)) {
    const at = words.findIndex((word) => word.startsWith(part));
    if (at >= 0) cost += at;
    else if (folded(text).includes(part)) cost += 20;
    else if (subsequence(part, folded(text))) cost += LOOSE;
    else return null;
  }
  return cost;
}

function subsequence(part: string, text: string): boolean {
  let at = 0;
  for (const letter of text) if (letter === part[at]) at += 1;
  return at === part.length;
}

/** Cost of letters that are only found in their order, anywhere in the name. */
const LOOSE = 60;
const RANK_STEP = 1000;
const RANK = { service: 0, modality: RANK_STEP, other: 2 * RANK_STEP };

export class TemplatePicker {
  private readonly input: HTMLInputElement;
  private readonly list: HTMLElement;
  private shown: Template[] = [];
  private active = 0;

  constructor(
    private readonly host: HTMLElement,
    private readonly opener: HTMLButtonElement,
    private readonly templates: Template[],
    private readonly chosen: (template: Template) => void,
    private readonly closed: () => void,
  ) {
    const input = host.querySelector<HTMLInputElement>("input[role=combobox]");
    const list = host.querySelector<HTMLElement>("[role=listbox]");
    if (!input || !list) throw new Error("the template picker lacks its input or its list");
    this.input = input;
    this.list = list;
    opener.addEventListener("click", () => this.toggle());
    this.input.addEventListener("input", () => this.narrow());
    this.input.addEventListener("keydown", (event) => this.key(event));
    host.addEventListener("focusout", (event) => {
      if (!host.contains(event.relatedTarget as Node | null) && event.relatedTarget !== opener) this.close(false);
    });
  }

  toggle(): void {
    if (this.host.hidden) this.open();
    else this.close(true);
  }

  private open(): void {
    if (this.opener.disabled) return;
    this.host.hidden = false;
    this.opener.setAttribute("aria-expanded", "true");
    this.input.value = "";
    this.narrow();
    this.input.focus();
  }

  private close(giveBackFocus: boolean): void {
    if (this.host.hidden) return;
    this.host.hidden = true;
    this.opener.setAttribute("aria-expanded", "false");
    if (giveBackFocus) this.closed();
  }

  private narrow(): void {
    const query = this.input.value.trim();
    const ranked: { template: Template; cost: number }[] = [];
    for (const template of this.templates) {
      if (!query && template.fits === "other") continue;
      const cost = fit(query, `${template.name} ${template.code}`);
      if (cost !== null) ranked.push({ template, cost: cost + RANK[template.fits] });
    }
    // letters found anywhere are a last resort: they are offered when nothing fits better
    const sure = ranked.filter(({ cost }) => cost % RANK_STEP < LOOSE);
    if (sure.length) ranked.splice(0, ranked.length, ...sure);
    ranked.sort((one, other) => one.cost - other.cost || one.template.name.localeCompare(other.template.name, "vi"));
    this.shown = ranked.slice(0, 40).map(({ template }) => template);
    this.active = 0;
    this.draw();
  }

  private draw(): void {
    if (this.shown.length === 0) {
      const empty = element("li", phrase("template_none"), "picker-empty");
      empty.setAttribute("role", "option");
      empty.setAttribute("aria-disabled", "true");
      this.list.replaceChildren(empty);
      this.input.removeAttribute("aria-activedescendant");
      return;
    }
    this.list.replaceChildren(
      ...this.shown.map((template, index) => {
        const option = element("li", "", "picker-option");
        option.id = `template-${template.id}`;
        option.setAttribute("role", "option");
        option.setAttribute("aria-selected", String(index === this.active));
        option.append(element("span", template.name), element("small", phrase(`template_${template.fits}`)));
        option.addEventListener("mousedown", (event) => event.preventDefault());
        option.addEventListener("click", () => this.choose(template));
        return option;
      }),
    );
    const option = this.list.children[this.active];
    this.input.setAttribute("aria-activedescendant", option?.id ?? "");
    option?.scrollIntoView({ block: "nearest" });
  }

  private key(event: KeyboardEvent): void {
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (step && this.shown.length) {
      this.active = (this.active + step + this.shown.length) % this.shown.length;
      this.draw();
    } else if (event.key === "Enter") {
      const template = this.shown[this.active];
      if (template) this.choose(template);
    } else if (event.key === "Escape") {
      this.close(true);
    } else {
      return;
    }
    event.preventDefault();
    event.stopPropagation();
  }

  private choose(template: Template): void {
    this.close(true);
    this.chosen(template);
  }
}
