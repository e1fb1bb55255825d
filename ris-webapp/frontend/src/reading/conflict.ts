// Two drafts of one report: shows both section by section with their differences, and lets one choose for each.
// Not a dialog: one goes on reading and looking at images while it waits.
import type { Editor } from "./editor";
import { sectionOf, type Content, type Section } from "./content";
import type { DraftKeeper, SectionDifference, Theirs } from "./draft";
import { phrase } from "./phrase";

type Choice = "mine" | "theirs" | "both";

export class ConflictPanel {
  constructor(
    private readonly host: HTMLElement,
    private readonly editor: Editor,
    private readonly keeper: DraftKeeper,
  ) {}

  show(theirs: Theirs): void {
    const choices = new Map<string, Choice>();
    const changed = theirs.differences.filter((difference) => difference.changed);
    for (const { section, segments } of changed) {
      // where nothing was typed here, theirs is offered
      choices.set(section, segments.every((segment) => segment.change === "removed") ? "theirs" : "mine");
    }

    const heading = element("h2", phrase("conflict_heading"));
    heading.tabIndex = -1;
    const sentence = element("p", phrase("conflict_sentence", { time: theirs.savedAt }));
    const rows = changed.map((difference) => this.row(difference, choices));
    const keep = element("button", phrase("conflict_keep"), "button primary");
    keep.addEventListener("click", () => this.settle(theirs, choices));
    const actions = element("div", "", "conflict-actions");
    actions.append(keep);
    this.host.replaceChildren(heading, sentence, ...rows, actions);
    this.host.hidden = false;
    this.host.scrollIntoView({ block: "nearest" });
  }

  hide(): void {
    this.host.hidden = true;
    this.host.replaceChildren();
  }

  private row(difference: SectionDifference, choices: Map<string, Choice>): HTMLElement {
    const row = element("fieldset", "", "conflict-section");
    row.append(element("legend", difference.title));
    row.append(this.side("conflict_theirs", difference, "added"), this.side("conflict_mine", difference, "removed"));
    const options = element("div", "", "conflict-options");
    for (const choice of ["mine", "theirs", "both"] as const) {
      const label = element("label");
      const input = document.createElement("input");
      input.type = "radio";
      input.name = `keep-${difference.section}`;
      input.checked = choices.get(difference.section) === choice;
      input.addEventListener("change", () => choices.set(difference.section, choice));
      label.append(input, document.createTextNode(phrase(`conflict_choose_${choice}`)));
      options.append(label);
    }
    row.append(options);
    return row;
  }

  /** One side's text; the segments that only the other side has are left out. */
  private side(title: string, difference: SectionDifference, without: "added" | "removed"): HTMLElement {
    const side = element("div", "", "conflict-side");
    side.append(element("h3", phrase(title)));
    const text = element("p", "", "difference");
    for (const segment of difference.segments) {
      if (segment.change === without) continue;
      text.append(segment.change === "same" ? document.createTextNode(segment.text) : element("mark", segment.text));
    }
    side.append(text);
    return side;
  }

  private settle(theirs: Theirs, choices: Map<string, Choice>): void {
    const typed = this.editor.read(); // typing went on while this stood there
    const sections = (typed.sections ?? []).flatMap((mine): Section[] => {
      const choice = choices.get(mine.code) ?? "mine";
      const other = sectionOf(theirs.content, mine.code);
      if (choice === "theirs") return other ? [other] : [];
      return [choice === "both" ? before(mine, theirs.texts[mine.code] ?? "") : mine];
    });
    for (const other of theirs.content.sections ?? []) {
      const choice = choices.get(other.code) ?? "theirs";
      if (!sectionOf(typed, other.code) && choice !== "mine") sections.push(other);
    }
    const result: Content = { sections };
    this.editor.remember(phrase("conflict_heading"));
    this.editor.write(result);
    this.hide();
    this.keeper.resolved();
    this.editor.focus();
  }
}

/** `section` with `text` before the first text in it. */
function before(section: Section, text: string): Section {
  let put = false;
  const blocks = (section.blocks ?? []).map((block) => {
    if (block.type !== "text" || put) return block;
    put = true;
    return { ...block, text: [text, block.text].filter(Boolean).join("\n") };
  });
  return { ...section, blocks };
}

export function element<K extends keyof HTMLElementTagNameMap>(name: K, text = "", className = ""): HTMLElementTagNameMap[K] {
  const made = document.createElement(name);
  if (text) made.textContent = text;
  if (className) made.className = className;
  if (made instanceof HTMLButtonElement) made.type = "button";
  return made;
}
