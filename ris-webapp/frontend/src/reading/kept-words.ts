// Words that a closed window left on this computer, or an earlier state of the draft: offered with their differences
// from what is in the report now, taken section by section, never put there by themselves.
import { toast } from "../js/toast";
import { ChoicePanel, merged, type Choice } from "./choosing";
import type { Content } from "./content";
import type { Standing } from "./draft";
import type { Editor } from "./editor";
import { isThere, type Kept, type LocalKeep } from "./local-keep";
import { phrase } from "./phrase";
import { ask } from "./server";

interface Offer {
  words: "kept" | "earlier";
  content: Content;
  time: string;
  /** Where it lies on this computer; none for what the server keeps. */
  kept: Kept | null;
}

export class KeptWords {
  private readonly panel: ChoicePanel;
  private waiting: Kept[] = [];
  private offer: Offer | null = null;
  private local: LocalKeep | null = null;

  constructor(
    host: HTMLElement,
    private readonly editor: Editor,
    private readonly address: string,
    private readonly taken: () => void,
  ) {
    this.panel = new ChoicePanel(host);
  }

  /** Looks at what closed windows left of this exam. */
  async look(local: LocalKeep): Promise<void> {
    this.local = local;
    this.waiting = await local.left();
    await this.next();
  }

  /** Offers an earlier state of the draft. */
  async offerState(address: string, time: string): Promise<void> {
    const answer = await ask<{ mine: Content; theirs: Standing }>(address);
    if (answer.kind !== "ok") return toast(phrase("fragment_failed"), "error");
    this.offer = { words: "earlier", content: answer.value.mine, time, kept: null };
    this.show(answer.value.theirs);
  }

  /** The report or who may write it has changed: what differs now? */
  async again(): Promise<void> {
    if (!this.offer) return;
    const { offer } = this;
    const answer = await ask<Standing>(this.address, { content: offer.content });
    if (answer.kind === "ok" && this.offer === offer) this.show(answer.value);
  }

  private async next(): Promise<void> {
    const kept = this.waiting.shift();
    if (!kept) return;
    const time = kept.at.toLocaleString(document.documentElement.lang, { dateStyle: "short", timeStyle: "short" });
    this.offer = { words: "kept", content: kept.content, time, kept };
    await this.again();
  }

  private show(theirs: Standing): void {
    const { offer } = this;
    if (!offer) return;
    const nothingElse = offer.kept ? isThere(offer.kept, theirs) : !theirs.differences.some((difference) => difference.changed);
    if (nothingElse) {
      if (!offer.kept) toast(phrase("earlier_same"));
      return void this.end();
    }
    this.panel.show({
      words: offer.words,
      values: { time: offer.time },
      theirs,
      settle: this.editor.editable ? (choices) => this.settle(offer, theirs, choices) : null,
      discard: () => this.discard(offer),
    });
  }

  private settle(offer: Offer, theirs: Standing, choices: Map<string, Choice>): void {
    const texts = Object.fromEntries(
      theirs.differences.map(({ section, segments }) => [section, segments.filter((each) => each.change !== "removed").map((each) => each.text).join("")]),
    );
    const wanted = { mine: "other", theirs: "typed", both: "both" } as const;
    const result = merged(this.editor.read(), offer.content, texts, (section) => {
      const choice = choices.get(section);
      return choice ? wanted[choice] : "typed";
    });
    this.editor.remember(phrase(`${offer.words}_heading`, { time: offer.time }));
    this.editor.write(result);
    this.taken();
    void this.end();
    this.editor.focus();
  }

  private discard(offer: Offer): void {
    this.panel.hide();
    this.offer = null;
    if (!offer.kept) return;
    // it is gone from the computer only when it was not asked back
    let wanted = false;
    toast(phrase("kept_discarded"), "info", {
      label: phrase("undo"),
      run: () => {
        wanted = true;
        this.offer = offer;
        void this.again();
      },
    });
    setTimeout(() => {
      if (!wanted) void this.local?.forget(offer.kept?.window ?? "");
    }, FORGOTTEN_MS);
    void this.next();
  }

  /** What is offered is in the report now. */
  private async end(): Promise<void> {
    const window = this.offer?.kept?.window;
    this.offer = null;
    this.panel.hide();
    if (window) await this.local?.forget(window);
    await this.next();
  }
}

/** As long as a notice with its way back is shown. */
const FORGOTTEN_MS = 6000;
