// The draft was saved in another window over the same revision: neither is lost, one chooses section by section.
import { ChoicePanel, merged, type Choice } from "./choosing";
import type { DraftKeeper, Theirs } from "./draft";
import type { Editor } from "./editor";
import { phrase } from "./phrase";

export class ConflictPanel {
  private readonly panel: ChoicePanel;

  constructor(
    host: HTMLElement,
    private readonly editor: Editor,
    private readonly keeper: DraftKeeper,
  ) {
    this.panel = new ChoicePanel(host);
  }

  show(theirs: Theirs): void {
    const settle = (choices: Map<string, Choice>) => this.settle(theirs, choices);
    this.panel.show({ words: "conflict", values: { time: theirs.savedAt }, theirs, settle, discard: null });
  }

  hide(): void {
    this.panel.hide();
  }

  private settle(theirs: Theirs, choices: Map<string, Choice>): void {
    const typed = this.editor.read(); // typing went on while this stood there
    const wanted = { mine: "typed", theirs: "other", both: "both" } as const;
    const result = merged(typed, theirs.content, theirs.texts, (section) => {
      const choice = choices.get(section);
      return choice && wanted[choice];
    });
    this.editor.remember(phrase("conflict_heading"));
    this.editor.write(result);
    this.hide();
    this.keeper.resolved();
    this.editor.focus();
  }
}
