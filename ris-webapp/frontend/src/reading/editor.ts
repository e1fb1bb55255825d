// The report's form: each section with its texts, fields and tables; what replaced text can be undone.
import { buildSection, headingOf, type Bound } from "./blocks";
import { frame, type Block, type Content } from "./content";

/** What a template left to be filled: `[  ]`, `[có/không]`, `___`, `....`. */
export const GAP = /\[[^\]\n]{0,200}\]|_{2,}|\.{4,}|…{2,}/;

export class Editor {
  private content: Content = {};
  private bound: Bound[] = [];
  private last: HTMLTextAreaElement | null = null;
  private undoing: { label: string; content: Content }[] = [];
  private isEditable = false;

  constructor(
    private readonly form: HTMLElement,
    private readonly edited: () => void,
  ) {
    form.addEventListener("input", (event) => {
      if (event.target instanceof HTMLTextAreaElement) this.grow(event.target);
      this.clearFlaw(event.target);
      this.edited();
    });
    form.addEventListener("focusin", (event) => {
      if (event.target instanceof HTMLTextAreaElement) this.last = event.target;
    });
    form.addEventListener("click", (event) => this.changeRows(event));
    form.addEventListener("submit", (event) => event.preventDefault());
    // widths change with the window, the drawer and the splitter
    new ResizeObserver(() => this.growAll()).observe(form);
  }

  read(): Content {
    const blocks = new Map<string, Block[]>();
    for (const { section, read } of this.bound) blocks.set(section, [...(blocks.get(section) ?? []), read()]);
    return { sections: (this.content.sections ?? []).map((section) => ({ ...section, blocks: blocks.get(section.code) ?? [] })) };
  }

  write(content: Content): void {
    if (frame(content) === frame(this.content) && this.bound.length) {
      const blocks = (content.sections ?? []).flatMap((section) => section.blocks ?? []);
      this.bound.forEach((bound, at) => bound.write(blocks[at] as Block));
      this.content = content;
    } else {
      this.build(content);
    }
    this.mark();
    this.growAll();
    this.form.dispatchEvent(new CustomEvent("quang:written"));
  }

  /** Puts a line at the cursor of the section that was typed in last; on a line of its own. */
  insert(line: string): void {
    const area = this.text;
    if (!area) return;
    const before = area.value.slice(0, area.selectionStart);
    const gap = before === "" || before.endsWith("\n") ? "" : "\n";
    area.setRangeText(`${gap}${line}`, area.selectionStart, area.selectionEnd, "end");
    this.growAll();
    this.edited();
  }

  /** Remembers what is there now, before something other than typing changes it. */
  remember(label: string): void {
    this.undoing.push({ label, content: this.read() });
    if (this.undoing.length > 20) this.undoing.shift();
  }

  /** Takes back the last remembered change; its label, or null when there is none. */
  undo(): string | null {
    const step = this.undoing.pop();
    if (!step) return null;
    this.write(step.content);
    this.edited();
    return step.label;
  }

  set editable(editable: boolean) {
    this.isEditable = editable;
    this.form.classList.toggle("is-read-only", !editable);
    for (const input of this.form.querySelectorAll<HTMLInputElement | HTMLTextAreaElement>("textarea, input")) {
      if (input.type === "checkbox") input.disabled = !editable;
      else input.readOnly = !editable;
    }
    for (const input of this.form.querySelectorAll<HTMLSelectElement | HTMLButtonElement>("select, button")) input.disabled = !editable;
    this.mark();
  }

  get editable(): boolean {
    return this.isEditable;
  }

  titleOf(code: string): string {
    return headingOf(this.content.sections?.find((section) => section.code === code) ?? { code });
  }

  /** Whether anything was entered in a section. */
  says(code: string): boolean {
    return this.bound.some((bound) => bound.section === code && !bound.isEmpty());
  }

  /** The text in which one wrote last, or the findings. */
  get text(): HTMLTextAreaElement | null {
    if (this.last?.isConnected) return this.last;
    return this.form.querySelector("#section-findings") ?? this.form.querySelector("textarea");
  }

  get texts(): HTMLTextAreaElement[] {
    return [...this.form.querySelectorAll("textarea")];
  }

  focus(section?: string): void {
    const place = section ? this.form.querySelector<HTMLElement>(`#section-${section}`) : this.text;
    place?.focus();
  }

  /** Replaces part of a text as if it were typed: the browser's own undo takes it back. */
  put(textarea: HTMLTextAreaElement, start: number, end: number, text: string): void {
    textarea.focus();
    textarea.setSelectionRange(start, end);
    if (start === end && !text) return;
    // the only way to write that Ctrl+Z knows of; where a browser has it no more, the text is set
    if (!document.execCommand(text ? "insertText" : "delete", false, text)) {
      textarea.setRangeText(text, start, end, "end");
      textarea.dispatchEvent(new Event("input", { bubbles: true }));
    }
  }

  /** The text of a section, the first where it has several. */
  textOf(section: string): HTMLTextAreaElement | null {
    return this.form.querySelector<HTMLTextAreaElement>(`#section-${CSS.escape(section)}`);
  }

  /** Adds lines at the end of a section's text, or puts them in place of it. */
  append(section: string, text: string, replaces = false): void {
    const place = this.textOf(section) ?? this.text;
    if (!place || !this.isEditable) return;
    const end = place.value.length;
    const begins = place.value && !place.value.endsWith("\n") ? "\n" : "";
    if (replaces) this.put(place, 0, end, text);
    else this.put(place, end, end, begins + text);
  }

  /** Puts the cursor on the first gap that a template left to be filled; false when there is none. */
  selectGap(): boolean {
    for (const textarea of this.texts) {
      const gap = GAP.exec(textarea.value);
      if (gap) {
        textarea.focus();
        textarea.setSelectionRange(gap.index, gap.index + gap[0].length);
        return true;
      }
    }
    return false;
  }

  /** Marks values that stand against approval, and goes to the first. */
  showFlaws(flaws: { code: string; text: string }[]): void {
    for (const { code, text } of flaws) {
      const holder = this.form.querySelector<HTMLElement>(`[data-code="${CSS.escape(code)}"]`);
      holder?.querySelector(".field-error")?.replaceChildren(text);
      for (const input of holder?.querySelectorAll("input, select") ?? []) input.setAttribute("aria-invalid", "true");
    }
    this.form.querySelector<HTMLElement>("[aria-invalid=true]")?.focus();
  }

  private clearFlaw(target: EventTarget | null): void {
    const holder = target instanceof Element ? target.closest("[data-code]") : null;
    holder?.querySelector(".field-error")?.replaceChildren();
    for (const input of holder?.querySelectorAll("[aria-invalid]") ?? []) input.removeAttribute("aria-invalid");
  }

  private build(content: Content): void {
    const focused = document.activeElement instanceof HTMLElement && this.form.contains(document.activeElement) ? document.activeElement.id : "";
    this.content = content;
    const built = (content.sections ?? []).map((section) => buildSection(section));
    this.bound = built.flatMap((each) => each.bound);
    this.form.replaceChildren(...built.map((each) => each.element));
    this.editable = this.isEditable;
    if (focused) document.getElementById(focused)?.focus();
  }

  /** A row more or less in a table: the form is made anew around what was typed. */
  private changeRows(event: Event): void {
    const button = event.target instanceof Element ? event.target.closest<HTMLButtonElement>("button[data-rows]") : null;
    const code = button?.closest<HTMLElement>("[data-code]")?.dataset.code;
    if (!button || !code) return;
    const content = this.read();
    for (const block of (content.sections ?? []).flatMap((section) => section.blocks ?? [])) {
      if (block.type !== "table" || block.code !== code) continue;
      const rows = block.rows ?? [];
      block.rows = button.dataset.rows === "more" ? [...rows, block.columns.map(() => "")] : rows.slice(0, -1);
    }
    this.write(content);
    this.edited();
  }

  /** What is empty need not be shown to who only reads. */
  private mark(): void {
    for (const bound of this.bound) bound.element.classList.toggle("is-empty", bound.isEmpty());
    for (const section of this.form.querySelectorAll(".section")) {
      section.classList.toggle("is-empty", !section.querySelector("[data-block]:not(.is-empty)"));
    }
  }

  private growAll(): void {
    for (const textarea of this.texts) this.grow(textarea);
  }

  private grow(textarea: HTMLTextAreaElement): void {
    if (CSS.supports("field-sizing", "content")) return;
    textarea.style.height = "auto";
    textarea.style.height = `${textarea.scrollHeight}px`;
  }
}
