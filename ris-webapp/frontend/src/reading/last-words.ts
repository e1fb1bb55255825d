// The words of this moment, kept at once: IndexedDB and Web Crypto need some turns of the page's clock, and a window can
// be closed in between. A key stream (AES-GCM over zeros, each used once) is made ready beforehand, so that at an input
// the words are only mixed with it and written, before the browser does anything else.
import type { Content } from "./content";

const PREFIX = "quang.last-words.";
const SMALLEST_STREAM = 8192;

/** As it lies in this browser: numbers and ciphertext. */
interface Line {
  owner: number;
  exam: number;
  revision: number;
  at: number;
  iv: string;
  sealed: string;
}

interface Stream {
  iv: Uint8Array<ArrayBuffer>;
  bytes: Uint8Array<ArrayBuffer>;
}

/** What another window wrote last. */
export interface Last {
  window: string;
  exam: number;
  revision: number;
  at: number;
  content: Content;
}

export class LastWords {
  private ready: Stream | null = null;
  private size = SMALLEST_STREAM;
  private preparing = false;
  private waiting: { revision: number; content: Content } | null = null;

  constructor(
    private readonly key: CryptoKey,
    private readonly owner: number,
    private readonly window: string,
    private readonly exam: number,
  ) {
    void this.prepare();
  }

  /** The newest words, typed over `revision`. Words that come while a stream is being made follow it by themselves.
   * @throws DOMException there is no room on this computer
   */
  note(revision: number, content: Content): void {
    const plain = new TextEncoder().encode(JSON.stringify({ exam: this.exam, content }));
    this.size = Math.max(this.size, 2 * plain.length);
    const stream = this.ready;
    this.ready = null;
    this.waiting = null;
    if (stream && plain.length <= stream.bytes.length) {
      const sealed = mixed(plain, stream.bytes);
      const line: Line = { owner: this.owner, exam: this.exam, revision, at: Date.now(), iv: written(stream.iv), sealed: written(sealed) };
      localStorage.setItem(PREFIX + this.window, JSON.stringify(line));
    } else {
      this.waiting = { revision, content };
    }
    if (!this.preparing) void this.prepare();
  }

  /** They are kept elsewhere, or on the server. */
  clear(): void {
    this.waiting = null;
    LastWords.forget(this.window);
  }

  /** What other windows of the same user wrote last. */
  async left(): Promise<Last[]> {
    const found: Last[] = [];
    for (const [window, line] of lines()) {
      if (line.owner !== this.owner) continue;
      const sealed = read(line.sealed);
      const stream = await this.stream(read(line.iv), sealed.length);
      const content = unmixed(mixed(sealed, stream), line.exam);
      if (content) found.push({ window, exam: line.exam, revision: line.revision, at: line.at, content });
    }
    return found;
  }

  static forget(window: string): void {
    localStorage.removeItem(PREFIX + window);
  }

  static forgetOld(before: number): void {
    for (const [window, line] of lines()) if (line.at < before) LastWords.forget(window);
  }

  static any(): boolean {
    return lines().length > 0;
  }

  private async prepare(): Promise<void> {
    this.preparing = true;
    const iv = crypto.getRandomValues(new Uint8Array(12));
    this.ready = { iv, bytes: await this.stream(iv, this.size) };
    this.preparing = false;
    if (this.waiting) this.note(this.waiting.revision, this.waiting.content);
  }

  private async stream(iv: Uint8Array<ArrayBuffer>, length: number): Promise<Uint8Array<ArrayBuffer>> {
    const sealed = await crypto.subtle.encrypt({ name: "AES-GCM", iv }, this.key, new Uint8Array(length));
    return new Uint8Array(sealed, 0, length); // without the tag
  }
}

function lines(): [string, Line][] {
  const windows = Object.keys(localStorage).filter((name) => name.startsWith(PREFIX));
  return windows.map((name) => [name.slice(PREFIX.length), JSON.parse(localStorage.getItem(name) ?? "{}") as Line]);
}

const mixed = (bytes: Uint8Array, stream: Uint8Array): Uint8Array<ArrayBuffer> => Uint8Array.from(bytes, (byte, place) => byte ^ (stream[place] ?? 0));

/** None when it was mixed with another key's stream, or put in the place of another exam's. */
function unmixed(plain: Uint8Array, exam: number): Content | null {
  try {
    const found = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(plain)) as { exam: number; content: Content };
    return found.exam === exam ? found.content : null;
  } catch (error) {
    if (error instanceof SyntaxError || error instanceof TypeError) return null;
    throw error;
  }
}

const written = (bytes: Uint8Array): string => btoa(Array.from(bytes, (byte) => String.fromCharCode(byte)).join(""));

const read = (text: string): Uint8Array<ArrayBuffer> => Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
