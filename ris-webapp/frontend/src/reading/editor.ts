// The four text areas of the report: they grow with their text, and what replaced text can be undone.
import { SECTIONS, type Section, type Sections } from "./draft";

export class Editor {
  private readonly areas: Record<Section, HTMLTextAreaElement>;
  private last: HTMLTextAreaElement;
  private undoing: { label: string; sections: Sections }[] = [];

  constructor(
    private readonly form: HTMLElement,
    private readonly edited: () => void,
  ) {
    const area = (section: Section) => {
      const found = form.querySelector<HTMLTextAreaElement>(`textarea[name=${section}]`);
      if (!found) throw new Error(`the report form has no section ${section}`);
      return found;
    };
    this.areas = {
      technique: area("technique"),
      findings: area("findings"),
      conclusion: area("conclusion"),
      recommendation: area("recommendation"),
    };
    this.last = this.areas.findings;
    for (const section of SECTIONS) {
      const textarea = this.areas[section];
      textarea.addEventListener("input", () => {
        this.grow(textarea);
        this.edited();
      });
      textarea.addEventListener("focus", () => (this.last = textarea));
    }
    // widths change with the window, the drawer and the splitter
    new ResizeObserver(() => this.growAll()).observe(form);
    this.growAll();
  }

  read(): Sections {
    const { technique, findings, conclusion, recommendation } = this.areas;
    return {
      technique: technique.value,
      findings: findings.value,
      conclusion: conclusion.value,
      recommendation: recommendation.value,
    };
  }

  write(sections: Sections): void {
    for (const section of SECTIONS) {
      if (this.areas[section].value !== sections[section]) this.areas[section].value = sections[section];
    }
    this.growAll();
  }

  /** Puts a line at the cursor of the section that was typed in last; on a line of its own. */
  insert(line: string): void {
    const area = this.last;
    const before = area.value.slice(0, area.selectionStart);
    const gap = before === "" || before.endsWith("\n") ? "" : "\n";
    area.setRangeText(`${gap}${line}`, area.selectionStart, area.selectionEnd, "end");
    this.growAll();
    this.edited();
  }

  /** Remembers what is there now, before something other than typing changes it. */
  remember(label: string): void {
    this.undoing.push({ label, sections: this.read() });
    if (this.undoing.length > 20) this.undoing.shift();
  }

  /** Takes back the last remembered change; its label, or null when there is none. */
  undo(): string | null {
    const step = this.undoing.pop();
    if (!step) return null;
    this.write(step.sections);
    this.edited();
    return step.label;
  }

  get canUndo(): boolean {
    return this.undoing.length > 0;
  }

  set editable(editable: boolean) {
    for (const section of SECTIONS) this.areas[section].readOnly = !editable;
    this.form.classList.toggle("is-read-only", !editable);
  }

  focus(section?: Section): void {
    (section ? this.areas[section] : this.last).focus();
  }

  /** Puts the cursor on the first gap that a template left to be filled (`[…]`, `___`, `....`); false when there is none. */
  selectGap(): boolean {
    for (const section of SECTIONS) {
      const textarea = this.areas[section];
      const gap = /\[[^\]\n]{0,40}\]|_{2,}|\.{4,}|…{2,}/.exec(textarea.value);
      if (gap) {
        textarea.focus();
        textarea.setSelectionRange(gap.index, gap.index + gap[0].length);
        return true;
      }
    }
    return false;
  }

  private growAll(): void {
    for (const section of SECTIONS) this.grow(this.areas[section]);
  }

  private grow(textarea: HTMLTextAreaElement): void {
    if (CSS.supports("field-sizing", "content")) return;
    textarea.style.height = "auto";
    textarea.style.height = `${textarea.scrollHeight}px`;
  }
}
