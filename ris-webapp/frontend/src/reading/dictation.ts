// Dictation by the browser's own speech recognition (Web Speech API): what is said goes to the cursor, as if typed.
// Off until an administrator allows it: Chrome and Edge send the sound to their maker.
import { toast } from "../js/toast";
import type { Editor } from "./editor";
import { phrase } from "./phrase";
import { Spoken } from "./spoken";

interface Heard {
  resultIndex: number;
  results: ArrayLike<ArrayLike<{ transcript: string }> & { isFinal: boolean }>;
}

interface Recognition {
  lang: string;
  continuous: boolean;
  interimResults: boolean;
  onresult: ((event: Heard) => void) | null;
  onerror: ((event: { error: string }) => void) | null;
  onend: (() => void) | null;
  start: () => void;
  stop: () => void;
}

type Maker = new () => Recognition;

const LANGUAGES = { vi: "vi-VN", en: "en-US" } as const;
type Language = keyof typeof LANGUAGES;
const REMEMBERED = "quang-dictation-language";

export class Dictation {
  private recognition: Recognition | null = null;
  private wanted = false;
  private language: Language = localStorage.getItem(REMEMBERED) === "en" ? "en" : "vi";
  private spoken = new Spoken(this.language);

  constructor(
    private readonly bar: HTMLElement,
    private readonly button: HTMLButtonElement,
    private readonly editor: Editor,
  ) {
    bar.querySelector("[data-language]")?.addEventListener("click", () => this.changeLanguage());
    this.draw("");
  }

  /** Starts or stops listening. */
  toggle(): void {
    if (this.wanted) return this.stop();
    const found = globalThis as unknown as { SpeechRecognition?: Maker; webkitSpeechRecognition?: Maker };
    const Maker = found.SpeechRecognition ?? found.webkitSpeechRecognition;
    if (!Maker) return toast(phrase("dictation_none"), "error");
    if (!this.editor.editable) return toast(phrase("cannot_approve"), "error");
    this.spoken = new Spoken(this.language);
    this.wanted = true;
    this.listen(Maker);
  }

  stop(): void {
    this.wanted = false;
    this.recognition?.stop();
    this.draw("");
  }

  private listen(Maker: Maker): void {
    const recognition = new Maker();
    recognition.lang = LANGUAGES[this.language];
    recognition.continuous = true;
    recognition.interimResults = true;
    recognition.onresult = (event) => this.hear(event);
    recognition.onerror = ({ error }) => {
      if (error === "no-speech" || error === "aborted") return;
      this.stop();
      const known = { "not-allowed": "denied", "service-not-allowed": "denied", "audio-capture": "no_sound", network: "network" }[error];
      toast(phrase(known ? `dictation_${known}` : "dictation_failed"), "error");
    };
    recognition.onend = () => {
      // browsers stop by themselves after a silence
      if (this.wanted && this.recognition === recognition) this.listen(Maker);
    };
    this.recognition = recognition;
    recognition.start();
    this.draw("");
  }

  private hear(event: Heard): void {
    let unsure = "";
    for (let at = event.resultIndex; at < event.results.length; at += 1) {
      const result = event.results[at];
      const words = result?.[0]?.transcript ?? "";
      if (result?.isFinal) this.put(words);
      else unsure += words;
    }
    this.draw(unsure);
  }

  private put(words: string): void {
    const area = this.editor.text;
    if (!this.wanted || !area || !this.editor.editable) return;
    const start = area.selectionStart;
    const written = this.spoken.written(words, area.value.slice(0, start), area.value.slice(area.selectionEnd));
    if (written) this.editor.put(area, start, area.selectionEnd, written);
  }

  private changeLanguage(): void {
    const listening = this.wanted;
    this.stop();
    this.language = this.language === "vi" ? "en" : "vi";
    localStorage.setItem(REMEMBERED, this.language);
    this.draw("");
    if (listening) this.toggle();
  }

  private draw(unsure: string): void {
    this.button.setAttribute("aria-pressed", String(this.wanted));
    this.bar.hidden = !this.wanted;
    const place = this.bar.querySelector("[data-heard]");
    if (place) place.textContent = unsure || phrase("dictation_listening");
    const language = this.bar.querySelector("[data-language]");
    if (language) language.textContent = LANGUAGES[this.language];
  }
}
