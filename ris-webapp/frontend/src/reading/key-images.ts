// The images that go with the report: chosen in the viewer or here, arranged here; and measurements to pull into the text.
import { toast } from "../js/toast";
import type { Editor } from "./editor";
import { phrase } from "./phrase";
import { ask, fragment } from "./server";
import type { ReadingAddresses, Status } from "./status";

/** What the viewer and this page tell each other; frontend/viewer/key-image.js speaks the same. Nothing of the patient. */
type Word =
  | { say: "key-image"; id: string; image: ShownImage }
  | { say: "no-image"; text: string }
  | { say: "measurements"; studies: string[]; lines: string[] }
  | { say: "choose"; studies: string[] }
  | { say: "told"; id: string; ok: boolean; text: string };

interface ShownImage {
  study: string;
  series: string;
  instance: string;
  frame: number;
  window: { lower: number; upper: number } | null;
  inverted: boolean;
  view: Record<string, unknown> | null;
}

const CHANNEL = "quang-viewer";
const ANSWER_MS = 3000;

export class KeyImages {
  private readonly channel = new BroadcastChannel(CHANNEL);
  private readonly list: HTMLElement;
  private readonly live: HTMLElement;
  private readonly stored: HTMLElement;
  private readonly details: HTMLDetailsElement;
  private waiting: ReturnType<typeof setTimeout> | undefined;
  private instancesSeen = -1;

  constructor(
    private readonly pane: HTMLElement,
    private readonly at: Pick<ReadingAddresses, "keyImages" | "measurements">,
    private readonly editor: Editor,
    private readonly status: () => Status,
    private readonly edited: () => void,
  ) {
    const part = <T extends HTMLElement>(selector: string) => {
      const found = pane.querySelector<T>(selector);
      if (!found) throw new Error(`the key images lack ${selector}`);
      return found;
    };
    this.list = part("[data-key-images]");
    this.live = part("[data-live]");
    this.stored = part("[data-stored]");
    this.details = part<HTMLDetailsElement>("[data-measurements]");
    this.channel.addEventListener("message", (event: MessageEvent<Word>) => void this.hear(event.data));
    this.details.addEventListener("toggle", () => void this.loadMeasurements());
    pane.addEventListener("click", (event) => void this.pressed(event));
    pane.addEventListener("change", (event) => void this.described(event));
  }

  show(status: Status): void {
    // never under the hands of somebody who writes a caption
    if (!this.list.contains(document.activeElement) && this.list.innerHTML !== status.keyImages) this.list.innerHTML = status.keyImages;
    if (status.images.instances !== this.instancesSeen) {
      this.instancesSeen = status.images.instances;
      void this.loadMeasurements();
    }
    for (const button of this.pane.querySelectorAll<HTMLButtonElement>("[data-insert]")) button.hidden = !status.rights.edit;
  }

  /** Asks the viewer for the image that it shows. */
  chooseShown(): void {
    if (!this.status().rights.edit) return toast(phrase("key_image_not_now"), "error");
    clearTimeout(this.waiting);
    this.waiting = setTimeout(() => toast(phrase("key_image_no_viewer"), "error"), ANSWER_MS);
    this.channel.postMessage({ say: "choose", studies: this.status().images.studies } satisfies Word);
  }

  private async hear(word: Word): Promise<void> {
    const mine = this.status().images.studies;
    if (word.say === "key-image" && mine.includes(word.image.study)) {
      clearTimeout(this.waiting);
      await this.keep(word.id, word.image);
    } else if (word.say === "no-image") {
      clearTimeout(this.waiting);
      toast(word.text, "error");
    } else if (word.say === "measurements" && word.studies.some((study) => mine.includes(study))) {
      this.live.replaceChildren(...word.lines.map((line) => this.measured(line)));
      if (word.lines.length > 0) this.details.open = true;
    }
  }

  private async keep(id: string, image: ShownImage): Promise<void> {
    const tell = (ok: boolean, text: string) => this.channel.postMessage({ say: "told", id, ok, text } satisfies Word);
    if (!this.status().rights.edit) {
      toast(phrase("key_image_not_now"), "error");
      return tell(false, phrase("key_image_not_now"));
    }
    const answer = await ask<{ id: number }>(this.at.keyImages, image);
    if (answer.kind === "ok") {
      toast(phrase("key_image_kept"));
      return tell(true, phrase("key_image_kept"));
    }
    const why = answer.kind === "problem" ? answer.problem.detail : phrase(`action_${answer.kind}`);
    toast(why, "error");
    tell(false, why);
  }

  private async pressed(event: Event): Promise<void> {
    const button = event.target instanceof Element ? event.target.closest<HTMLButtonElement>("button") : null;
    if (!button) return;
    if ("choose" in button.dataset) return this.chooseShown();
    if (button.dataset.insert) {
      this.editor.remember(button.dataset.insert);
      this.editor.insert(button.dataset.insert);
      this.edited();
      return toast(phrase("measurement_inserted"));
    }
    const item = button.closest<HTMLElement>("[data-key-image]");
    if (!item) return;
    const key = Number(item.dataset.keyImage);
    if ("remove" in button.dataset) {
      if (await this.sent(`${this.at.keyImages}/${key}/remove`, {})) {
        toast(phrase("key_image_removed"), "info", { label: phrase("key_image_undo"), run: () => void this.sent(`${this.at.keyImages}/${key}/restore`, {}) });
      }
    } else if (button.dataset.move) {
      const keys = [...this.list.querySelectorAll<HTMLElement>("[data-key-image]")].map((each) => Number(each.dataset.keyImage));
      const from = keys.indexOf(key);
      keys.splice(from, 1);
      keys.splice(from + Number(button.dataset.move), 0, key);
      button.blur();
      await this.sent(`${this.at.keyImages}/order`, { order: keys });
    }
  }

  private async described(event: Event): Promise<void> {
    const input = event.target;
    if (!(input instanceof HTMLInputElement) || !("caption" in input.dataset)) return;
    const key = input.closest<HTMLElement>("[data-key-image]")?.dataset.keyImage;
    await this.sent(`${this.at.keyImages}/${key}`, { caption: input.value });
  }

  private async sent(address: string, body: unknown): Promise<boolean> {
    const answer = await ask(address, body);
    if (answer.kind === "ok") return true;
    toast(answer.kind === "problem" ? answer.problem.detail : phrase(`action_${answer.kind}`), "error");
    return false;
  }

  private async loadMeasurements(): Promise<void> {
    if (!this.details.open) return;
    const html = await fragment(this.at.measurements);
    if (html === null) return;
    this.stored.innerHTML = html;
    for (const button of this.stored.querySelectorAll<HTMLButtonElement>("[data-insert]")) button.hidden = !this.status().rights.edit;
  }

  private measured(line: string): HTMLElement {
    const item = document.createElement("li");
    const text = document.createElement("span");
    text.textContent = line;
    const button = document.createElement("button");
    button.className = "button ghost small";
    button.type = "button";
    button.dataset.insert = line;
    button.textContent = phrase("measurement_insert");
    button.hidden = !this.status().rights.edit;
    item.append(text, button);
    return item;
  }
}
