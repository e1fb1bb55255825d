// Two texts of one report: shows both section by section with their differences, and lets one choose for each.
// Not a dialog: one goes on reading and looking at images while it waits.
import { sectionOf, type Content, type Section } from "./content";
import type { SectionDifference, Standing } from "./draft";
import { element } from "./element";
import { phrase } from "./phrase";

export type Choice = "mine" | "theirs" | "both";

export interface Shown {
  /** Begins the names of the panel's phrases: "conflict", "kept". */
  words: string;
  values: Record<string, string>;
  theirs: Standing;
  /** None: there is nothing to choose now, one may only read. */
  settle: ((choices: Map<string, Choice>) => void) | null;
  /** Leaves all as it is; none when one has to choose. */
  discard: (() => void) | null;
}

export class ChoicePanel {
  constructor(private readonly host: HTMLElement) {}

  get isShown(): boolean {
    return !this.host.hidden;
  }

  show({ words, values, theirs, settle, discard }: Shown): void {
    const choices = new Map<string, Choice>();
    const changed = theirs.differences.filter((difference) => difference.changed);
    for (const { section, segments } of changed) {
      // where nothing was typed here, theirs is offered
      choices.set(section, segments.every((segment) => segment.change === "removed") ? "theirs" : "mine");
    }
    const heading = element("h2", phrase(`${words}_heading`, values));
    heading.tabIndex = -1;
    const rows = changed.map((difference) => this.row(words, difference, choices, settle !== null));
    const actions = element("div", "", "conflict-actions");
    if (discard) {
      const button = element("button", phrase(`${words}_discard`), "button");
      button.addEventListener("click", discard);
      actions.append(button);
    }
    if (settle) {
      const button = element("button", phrase(`${words}_keep`), "button primary");
      button.addEventListener("click", () => settle(choices));
      actions.append(button);
    }
    this.host.replaceChildren(heading, element("p", phrase(settle ? `${words}_sentence` : `${words}_closed`, values)), ...rows, actions);
    this.host.hidden = false;
    this.host.scrollIntoView({ block: "nearest" });
  }

  hide(): void {
    this.host.hidden = true;
    this.host.replaceChildren();
  }

  private row(words: string, difference: SectionDifference, choices: Map<string, Choice>, chooses: boolean): HTMLElement {
    const row = element("fieldset", "", "conflict-section");
    row.append(element("legend", difference.title));
    row.append(this.side(`${words}_theirs`, difference, "added"), this.side(`${words}_mine`, difference, "removed"));
    if (!chooses) return row;
    const options = element("div", "", "conflict-options");
    for (const choice of ["mine", "theirs", "both"] as const) {
      const label = element("label");
      const input = document.createElement("input");
      input.type = "radio";
      input.name = `${words}-${difference.section}`;
      input.checked = choices.get(difference.section) === choice;
      input.addEventListener("change", () => choices.set(difference.section, choice));
      label.append(input, document.createTextNode(phrase(`${words}_choose_${choice}`)));
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
}

/** `typed` with the sections of `other` that are wanted in their place ("other") or before theirs ("both"). */
export function merged(typed: Content, other: Content, texts: Record<string, string>, wanted: (section: string) => "typed" | "other" | "both" | undefined): Content {
  const sections = (typed.sections ?? []).flatMap((mine): Section[] => {
    const choice = wanted(mine.code) ?? "typed";
    const there = sectionOf(other, mine.code);
    if (choice === "other") return there ? [there] : [];
    return [choice === "both" ? before(mine, texts[mine.code] ?? "") : mine];
  });
  for (const there of other.sections ?? []) {
    if (!sectionOf(typed, there.code) && (wanted(there.code) ?? "other") !== "typed") sections.push(there);
  }
  return { sections };
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
