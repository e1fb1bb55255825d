// The words of this moment, kept at once: IndexedDB and Web Crypto need some turns of the page's clock, and a window can
// be closed in between. A key stream (AES-GCM over zeros, each used once) is made ready beforehand, so that at an input
// the words are only mixed with it and written, before the browser does anything else. Its first 32 bytes are the key of
// a one-time authenticator (as in RFC 8439 2.8): words that were damaged or changed where they lie are not offered.
import type { Content } from "./content";
import { KEY_BYTES, same, tagOf } from "./one-time-tag";

const PREFIX = "quang.last-words.";
const SMALLEST_STREAM = 8192;

/** As it lies in this browser: numbers, ciphertext, and the tag over all of it. */
interface Line {
  owner: number;
  exam: number;
  revision: number;
  at: number;
  iv: string;
  sealed: string;
  tag: string;
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
    const plain = new TextEncoder().encode(JSON.stringify(content));
    this.size = Math.max(this.size, KEY_BYTES + 2 * plain.length);
    const stream = this.ready;
    this.ready = null;
    this.waiting = null;
    if (stream && KEY_BYTES + plain.length <= stream.bytes.length) {
      const sealed = written(mixed(plain, stream.bytes.subarray(KEY_BYTES)));
      const line = { owner: this.owner, exam: this.exam, revision, at: Date.now(), iv: written(stream.iv), sealed };
      const tag = written(tagOf(bound(this.window, line), stream.bytes));
      localStorage.setItem(PREFIX + this.window, JSON.stringify({ ...line, tag } satisfies Line));
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
      const content = await this.unsealed(window, line);
      if (content) found.push({ window, exam: line.exam, revision: line.revision, at: line.at, content });
    }
    return found;
  }

  static forget(window: string): void {
    localStorage.removeItem(PREFIX + window);
  }

  static forgetOld(before: number): void {
    for (const [window, line] of lines()) if (!(line.at >= before)) LastWords.forget(window);
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

  /** None when it was sealed by another key, or is not what was written: a byte of it, or the place it was put in. */
  private async unsealed(window: string, line: Line): Promise<Content | null> {
    try {
      const sealed = read(line.sealed);
      const stream = await this.stream(read(line.iv), KEY_BYTES + sealed.length);
      if (!same(read(line.tag), tagOf(bound(window, line), stream))) return null;
      return JSON.parse(new TextDecoder().decode(mixed(sealed, stream.subarray(KEY_BYTES)))) as Content;
    } catch (error) {
      if (error instanceof DOMException) return null; // no letters of base64
      throw error;
    }
  }

  private async stream(iv: Uint8Array<ArrayBuffer>, length: number): Promise<Uint8Array<ArrayBuffer>> {
    const sealed = await crypto.subtle.encrypt({ name: "AES-GCM", iv }, this.key, new Uint8Array(length));
    return new Uint8Array(sealed, 0, length); // without the tag
  }
}

/** What the tag is over: the words, whose they are, and of which exam, draft, moment and window. */
function bound(window: string, line: Omit<Line, "tag">): Uint8Array {
  const { owner, exam, revision, at, iv, sealed } = line;
  return new TextEncoder().encode(JSON.stringify([window, owner, exam, revision, at, iv, sealed]));
}

/** Those that can be read at all; of one that cannot, only its window is known. */
function lines(): [string, Line][] {
  const windows = Object.keys(localStorage).filter((name) => name.startsWith(PREFIX));
  return windows.map((name) => [name.slice(PREFIX.length), lineOf(localStorage.getItem(name) ?? "")]);
}

function lineOf(text: string): Line {
  const nothing: Line = { owner: 0, exam: 0, revision: 0, at: 0, iv: "", sealed: "", tag: "" };
  try {
    return { ...nothing, ...(JSON.parse(text) as Line) };
  } catch (error) {
    if (error instanceof SyntaxError) return nothing;
    throw error;
  }
}

const mixed = (bytes: Uint8Array, stream: Uint8Array): Uint8Array<ArrayBuffer> => Uint8Array.from(bytes, (byte, place) => byte ^ (stream[place] ?? 0));

const written = (bytes: Uint8Array): string => btoa(Array.from(bytes, (byte) => String.fromCharCode(byte)).join(""));

const read = (text: string): Uint8Array<ArrayBuffer> => Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
