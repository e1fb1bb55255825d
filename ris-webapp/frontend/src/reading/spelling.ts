// Spelling of reports: syllables by rule, words of the field by list, the hospital's own words beside them. It marks and
// offers, and changes nothing by itself. Everything is checked in the browser; no text leaves it.
import { toast } from "../js/toast";
import { element } from "./element";
import type { Editor } from "./editor";
import { phrase } from "./phrase";
import { ask } from "./server";
import { isSyllable } from "./syllables";
import { CONFUSIONS, TERMS } from "./terms";

export interface Mistake {
  start: number;
  end: number;
  /** What is offered instead; empty when nothing is near. */
  offers: string[];
}

const WORD = /[\p{L}\p{M}]+(?:[\p{M}\p{L}]*)/gu;
const MOST_OFFERS = 5;
const QUIET_MS = 350;
const KEPT = "quang-reading-spelling";
const LETTERS = [..."aăâbcdđeêghiklmnoôơpqrstuưvxy"];
const TONES = ["", "\u0300", "\u0301", "\u0303", "\u0309", "\u0323"];

/** The mistakes in a text, in their order. `own`: the hospital's words, in lower case. */
export function mistakesIn(text: string, own: ReadonlySet<string>): Mistake[] {
  const found: Mistake[] = [];
  const lower = text.toLowerCase();
  for (const [wrong, right] of CONFUSIONS) {
    for (let at = lower.indexOf(wrong); at >= 0; at = lower.indexOf(wrong, at + 1)) {
      const end = at + wrong.length;
      if (isLetter(lower[at - 1]) || isLetter(lower[end])) continue;
      found.push({ start: at, end, offers: [asTyped(text.slice(at, end), right)] });
    }
  }
  for (const match of text.matchAll(WORD)) {
    const [word, start] = [match[0], match.index];
    const end = start + word.length;
    if (isRight(word, own) || /\d/.test(`${text[start - 1] ?? ""}${text[end] ?? ""}`)) continue;
    if (found.some((other) => other.start < end && start < other.end)) continue;
    found.push({ start, end, offers: [] });
  }
  return found.sort((one, other) => one.start - other.start);
}

function isRight(word: string, own: ReadonlySet<string>): boolean {
  const normal = word.normalize("NFC");
  const lower = normal.toLowerCase();
  if (own.has(lower) || TERMS.has(lower)) return true;
  if (normal.length === 1 || normal === normal.toUpperCase()) return true; // L, MRCP, names in capitals
  return isSyllable(normal);
}

/** Words near a wrong one: one letter more, less or another, or another tone. */
export function offersFor(word: string, own: ReadonlySet<string>, known: ReadonlySet<string>): string[] {
  const lower = word.normalize("NFC").toLowerCase();
  const near = new Map<string, number>();
  const consider = (candidate: string, cost: number) => {
    if (candidate === lower || candidate.length < 2) return;
    if (!TERMS.has(candidate) && !own.has(candidate) && !isSyllable(candidate)) return;
    const preferred = known.has(candidate) || TERMS.has(candidate) || own.has(candidate) ? 0 : 10;
    near.set(candidate, Math.min(near.get(candidate) ?? 99, cost + preferred));
  };
  const typed = fromTelex(lower);
  if (typed !== lower && isSyllable(typed)) near.set(typed, -1);
  const bare = lower.normalize("NFD").replace(/[\u0300\u0301\u0303\u0309\u0323]/g, "").normalize("NFC");
  for (const base of new Set([bare, ...oneEditFrom(bare), ...oneEditFrom(lower)])) {
    const cost = base === bare ? 0 : 2;
    consider(base, cost + 1);
    for (const toned of withTones(base)) consider(toned, cost);
  }
  return [...near].sort((one, other) => one[1] - other[1]).slice(0, MOST_OFFERS).map(([candidate]) => asTyped(word, candidate));
}

const TELEX: readonly (readonly [RegExp, string])[] = [
  [/dd/, "đ"], [/aa/, "â"], [/ee/, "ê"], [/oo/, "ô"], [/aw/, "ă"], [/ow/, "ơ"], [/uw/, "ư"], [/uơ/, "ươ"],
];
const TELEX_TONES: Record<string, string> = { s: "\u0301", f: "\u0300", r: "\u0309", x: "\u0303", j: "\u0323" };

/** A word that was typed while the keyboard's Telex was off: `phooir` is `phổi`. */
export function fromTelex(word: string): string {
  const tone = TELEX_TONES[word.slice(-1)] ?? "";
  const letters = TELEX.reduce((text, [keys, letter]) => text.replace(keys, letter), tone ? word.slice(0, -1) : word);
  const vowels = [...letters.matchAll(/[aăâeêioôơuưy]/g)].map((match) => match.index);
  const marked = vowels.filter((at) => /[ăâêôơư]/.test(letters[at] ?? ""));
  const ends = /[aăâeêioôơuưy]$/.test(letters);
  const place = marked.at(-1) ?? (ends && vowels.length > 1 ? vowels.at(-2) : vowels.at(-1));
  if (!tone || place === undefined) return letters.normalize("NFC");
  return `${letters.slice(0, place + 1)}${tone}${letters.slice(place + 1)}`.normalize("NFC");
}

function* oneEditFrom(word: string): Iterable<string> {
  for (let at = 0; at <= word.length; at += 1) {
    yield word.slice(0, at) + word.slice(at + 1);
    if (at + 1 < word.length) yield `${word.slice(0, at)}${word[at + 1] ?? ""}${word[at] ?? ""}${word.slice(at + 2)}`;
    for (const letter of LETTERS) {
      yield word.slice(0, at) + letter + word.slice(at + 1);
      yield word.slice(0, at) + letter + word.slice(at);
    }
  }
}

function* withTones(base: string): Iterable<string> {
  for (let at = 0; at < base.length; at += 1) {
    if (!/[aăâeêioôơuưy]/.test(base[at] ?? "")) continue;
    for (const tone of TONES) yield (base.slice(0, at + 1) + tone + base.slice(at + 1)).normalize("NFC");
  }
}

const isLetter = (character: string | undefined): boolean => character !== undefined && /[\p{L}\p{M}]/u.test(character);

/** `right` with the capital of what was typed. */
function asTyped(typed: string, right: string): string {
  const first = typed[0] ?? "";
  return first !== first.toLowerCase() ? (right[0] ?? "").toUpperCase() + right.slice(1) : right;
}

export class Spelling {
  private readonly own: Set<string>;
  private readonly known = new Set<string>();
  private timer: ReturnType<typeof setTimeout> | undefined;
  private on = localStorage.getItem(KEPT) !== "off";

  constructor(
    form: HTMLElement,
    private readonly bar: HTMLElement,
    private readonly editor: Editor,
    words: { own: string[]; known: string },
    private readonly addAddress: string,
  ) {
    this.own = new Set(words.own);
    for (const match of words.known.toLowerCase().matchAll(WORD)) this.known.add(match[0]);
    form.addEventListener("input", () => this.soon());
    form.addEventListener("quang:written", () => this.soon());
    form.addEventListener("click", (event) => {
      if (this.on && event.target instanceof HTMLTextAreaElement) this.offerAt(event.target, event.target.selectionStart);
    });
    this.check();
  }

  toggle(): boolean {
    this.on = !this.on;
    localStorage.setItem(KEPT, this.on ? "on" : "off");
    this.bar.hidden = true;
    this.check();
    return this.on;
  }

  get isOn(): boolean {
    return this.on;
  }

  /** Goes to the next mistake after the cursor, from the first text again after the last. */
  next(): void {
    if (!this.on) this.toggle();
    const areas = this.editor.texts;
    const here = areas.findIndex((area) => area === document.activeElement);
    for (let step = 0; step <= areas.length; step += 1) {
      const area = areas[(Math.max(here, 0) + step) % areas.length];
      if (!area) continue;
      const after = step === 0 && here >= 0 ? area.selectionEnd : -1;
      const mistake = mistakesIn(area.value, this.own).find(({ start }) => start >= after);
      if (!mistake) continue;
      area.focus();
      area.setSelectionRange(mistake.start, mistake.end);
      return this.offer(area, mistake);
    }
    this.bar.hidden = true;
    toast(phrase("spelling_clean"));
  }

  private soon(): void {
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.check(), QUIET_MS);
  }

  private check(): void {
    for (const area of this.editor.texts) {
      const marks = area.parentElement?.querySelector(".text-marks");
      if (!marks) continue;
      const mistakes = this.on && !area.readOnly ? mistakesIn(area.value, this.own) : [];
      const parts: (string | Node)[] = [];
      let done = 0;
      for (const { start, end } of mistakes) {
        parts.push(area.value.slice(done, start), element("mark", area.value.slice(start, end)));
        done = end;
      }
      marks.replaceChildren(...parts, `${area.value.slice(done)}\n`);
    }
  }

  private offerAt(area: HTMLTextAreaElement, place: number): void {
    const mistake = area.readOnly ? undefined : mistakesIn(area.value, this.own).find(({ start, end }) => start <= place && place <= end);
    if (mistake) this.offer(area, mistake);
    else this.bar.hidden = true;
  }

  private offer(area: HTMLTextAreaElement, mistake: Mistake): void {
    const word = area.value.slice(mistake.start, mistake.end);
    const offers = mistake.offers.length ? mistake.offers : offersFor(word, this.own, this.known);
    const buttons = offers.map((offer) => {
      const button = element("button", offer, "button small");
      button.addEventListener("click", () => {
        this.bar.hidden = true;
        if (area.value.slice(mistake.start, mistake.end) === word) this.editor.put(area, mistake.start, mistake.end, offer);
      });
      return button;
    });
    const add = element("button", phrase("spelling_add"), "button small ghost");
    add.hidden = mistake.offers.length > 0;
    add.addEventListener("click", () => void this.add(word));
    this.bar.replaceChildren(element("span", phrase("spelling_word", { word })), ...buttons, add);
    this.bar.hidden = false;
  }

  private async add(word: string): Promise<void> {
    const answer = await ask<{ word: string }>(this.addAddress, { word });
    if (answer.kind !== "ok") {
      return toast(answer.kind === "problem" ? answer.problem.detail : phrase(`action_${answer.kind}`), "error");
    }
    this.own.add(answer.value.word);
    this.bar.hidden = true;
    this.check();
  }
}
