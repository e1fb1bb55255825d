// Phrases by abbreviation (".bt" and Tab), macros that fill several sections, a list of both to pick from, and choices in
// the text ("[phải/trái]").
import { toast } from "../js/toast";
import { element } from "./element";
import { GAP, type Editor } from "./editor";
import { phrase } from "./phrase";
import { fit } from "./templates";

export interface Snippet {
  abbreviation: string;
  text: string;
  /** Whether it is the reader's own; the others are the hospital's. */
  own: boolean;
  /** Of a macro: what goes into which section, wherever one types. */
  sections: Record<string, string>;
  /** Whether what stands in those sections gives way. */
  replaces: boolean;
}

const ABBREVIATION = /(?:^|[^\p{L}\p{N}.])\.([\p{L}\p{N}]{1,32})$/u;
const MOST_SHOWN = 40;

/** The options of a choice in the text: `[phải/trái]`; none for a gap that is to be typed. */
export function optionsOf(gap: string): string[] {
  const inner = /^\[([^\]]+)\]$/.exec(gap)?.[1] ?? "";
  const options = inner.split("/").map((option) => option.trim());
  return options.length > 1 && options.every(Boolean) ? options : [];
}

/** `text` with the facts of the exam put in for `{tuổi}` and the like; a fact that is not known becomes a gap. */
export const withFacts = (text: string, facts: Record<string, string>): string =>
  text.replace(/\{([\p{L} _]{1,30})\}/gu, (whole, name: string) => (name in facts ? facts[name] || "[  ]" : whole));

const saidBy = (snippet: Snippet): string => [snippet.text, ...Object.values(snippet.sections)].filter(Boolean).join("\n");

export class Snippets {
  private readonly list: HTMLElement;
  private readonly filter: HTMLInputElement;
  private options: { label: string; hint: string; run: () => void }[] = [];
  private active = 0;

  constructor(
    form: HTMLElement,
    private readonly host: HTMLElement,
    private readonly editor: Editor,
    private readonly snippets: Snippet[],
    private readonly facts: Record<string, string>,
  ) {
    const list = host.querySelector<HTMLElement>("[role=listbox]");
    const filter = host.querySelector("input");
    if (!list || !filter) throw new Error("the list of phrases lacks its list or its input");
    this.list = list;
    this.filter = filter;
    form.addEventListener("keydown", (event) => this.typing(event));
    filter.addEventListener("input", () => this.offerSnippets());
    host.addEventListener("keydown", (event) => this.choosing(event));
    host.addEventListener("focusout", (event) => {
      if (!host.contains(event.relatedTarget as Node | null)) this.close();
    });
  }

  /** Opens or closes the list of phrases. */
  toggle(): void {
    if (!this.host.hidden) return void this.close(true);
    if (!this.editor.editable) return;
    this.filter.hidden = false;
    this.filter.value = "";
    this.host.hidden = false;
    this.offerSnippets();
    this.filter.focus();
  }

  private typing(event: KeyboardEvent): void {
    const area = event.target;
    if (!(area instanceof HTMLTextAreaElement) || area.readOnly || event.isComposing) return;
    if (event.key !== "Tab" || event.shiftKey || event.ctrlKey || event.altKey) return;
    // Tab moves on as everywhere, but where there is something to expand or to fill in this text
    if (this.expand(area) || this.nextGap(area)) event.preventDefault();
  }

  private expand(area: HTMLTextAreaElement): boolean {
    const end = area.selectionStart;
    const typed = ABBREVIATION.exec(area.value.slice(0, end))?.[1];
    if (!typed || area.selectionEnd !== end) return false;
    const wanted = typed.toLowerCase().normalize("NFC");
    const matching = this.snippets.filter((snippet) => snippet.abbreviation === wanted);
    const found = matching.find((snippet) => snippet.own) ?? matching[0];
    if (!found) {
      toast(phrase("snippet_unknown", { name: typed }));
      return true;
    }
    this.insert(area, end - typed.length - 1, end, found);
    return true;
  }

  private insert(area: HTMLTextAreaElement, start: number, end: number, snippet: Snippet): void {
    const sections = Object.entries(snippet.sections);
    if (sections.length) this.editor.remember(`.${snippet.abbreviation}`);
    const text = withFacts(snippet.text, this.facts);
    this.editor.put(area, start, end, text);
    for (const [code, words] of sections) this.editor.append(code, withFacts(words, this.facts), snippet.replaces);
    if (sections.length) this.tellMacro(snippet);
    if (sections.length && !GAP.test(text)) return this.goOn(area, sections.map(([code]) => code));
    area.focus();
    const gap = GAP.exec(text);
    if (!gap) return;
    area.setSelectionRange(start + gap.index, start + gap.index + gap[0].length);
    this.offerChoices(area);
  }

  private tellMacro(snippet: Snippet): void {
    const sections = Object.keys(snippet.sections).map((code) => this.editor.titleOf(code).toLowerCase()).join(", ");
    const undo = () => void (this.editor.editable && this.editor.undo());
    toast(phrase("macro_done", { name: snippet.abbreviation, sections }), "info", { label: phrase("undo"), run: undo });
  }

  /** To the first gap of the sections that a macro filled, else back to where one typed. */
  private goOn(area: HTMLTextAreaElement, sections: string[]): void {
    for (const filled of sections.map((code) => this.editor.textOf(code))) {
      const gap = filled && GAP.exec(filled.value);
      if (!gap) continue;
      filled.focus();
      filled.setSelectionRange(gap.index, gap.index + gap[0].length);
      return this.offerChoices(filled);
    }
    area.focus();
  }

  private nextGap(area: HTMLTextAreaElement): boolean {
    const gap = GAP.exec(area.value.slice(area.selectionEnd));
    if (!gap) return false;
    const start = area.selectionEnd + gap.index;
    area.setSelectionRange(start, start + gap[0].length);
    this.offerChoices(area);
    return true;
  }

  private offerChoices(area: HTMLTextAreaElement): void {
    const [start, end] = [area.selectionStart, area.selectionEnd];
    const options = optionsOf(area.value.slice(start, end));
    if (!options.length) return;
    this.options = options.map((option, at) => ({
      label: option,
      hint: at < 9 ? String(at + 1) : "",
      run: () => {
        this.editor.put(area, start, end, option);
        if (this.close()) area.focus();
        this.nextGap(area);
      },
    }));
    this.filter.hidden = true;
    this.host.hidden = false;
    this.active = 0;
    this.draw();
    this.list.focus();
  }

  private offerSnippets(): void {
    const query = this.filter.value.trim();
    const area = this.editor.text;
    const ranked = this.snippets
      .map((snippet) => ({ snippet, cost: fit(query, `${snippet.abbreviation} ${saidBy(snippet)}`) }))
      .filter((each): each is { snippet: Snippet; cost: number } => each.cost !== null)
      .sort((one, other) => one.cost - other.cost);
    this.options = ranked.slice(0, MOST_SHOWN).map(({ snippet }) => ({
      label: `.${snippet.abbreviation}  ${(snippet.text || snippet.sections.conclusion || saidBy(snippet)).split("\n")[0] ?? ""}`,
      hint: phrase(snippet.own ? "snippet_own" : Object.keys(snippet.sections).length ? "snippet_macro" : "snippet_shared"),
      run: () => {
        this.close();
        if (area) this.insert(area, area.selectionStart, area.selectionEnd, snippet);
      },
    }));
    this.active = 0;
    this.draw();
  }

  private draw(): void {
    if (!this.options.length) {
      const empty = element("li", phrase("snippet_none"), "picker-empty");
      empty.setAttribute("role", "option");
      empty.setAttribute("aria-disabled", "true");
      this.list.replaceChildren(empty);
      return;
    }
    this.list.replaceChildren(
      ...this.options.map((option, at) => {
        const line = element("li", "", "picker-option");
        line.id = `snippet-${at}`;
        line.setAttribute("role", "option");
        line.setAttribute("aria-selected", String(at === this.active));
        line.append(element("span", option.label), element("small", option.hint));
        line.addEventListener("mousedown", (event) => event.preventDefault());
        line.addEventListener("click", () => option.run());
        return line;
      }),
    );
    for (const holder of [this.filter, this.list]) holder.setAttribute("aria-activedescendant", `snippet-${this.active}`);
    this.list.children[this.active]?.scrollIntoView({ block: "nearest" });
  }

  private choosing(event: KeyboardEvent): void {
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    const choosesByNumber = this.filter.hidden && /^[1-9]$/.test(event.key);
    if (step && this.options.length) {
      this.active = (this.active + step + this.options.length) % this.options.length;
      this.draw();
    } else if (event.key === "Enter" || (event.key === "Tab" && this.filter.hidden && !event.shiftKey)) {
      this.options[this.active]?.run();
    } else if (choosesByNumber) {
      this.options[Number(event.key) - 1]?.run();
    } else if (event.key === "Escape") {
      this.close(true);
    } else {
      return;
    }
    event.preventDefault();
    event.stopPropagation();
  }

  private close(giveBackFocus = false): boolean {
    if (this.host.hidden) return false;
    this.host.hidden = true;
    if (giveBackFocus) this.editor.text?.focus();
    return true;
  }
}
