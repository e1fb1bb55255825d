// What was typed and the server has not got, kept on this computer until it has: sealed (AES-GCM) by a key that the
// server gives to the same user only, so that nobody else at this computer can read it. Where a page is not secure
// (plain HTTP but on this machine) browsers have no Web Crypto and nothing is kept.
import type { Content } from "./content";
import type { SectionDifference, Standing } from "./draft";
import { LastWords } from "./last-words";
import { ask } from "./server";

const DATABASE = "quang-reading";
const STORE = "unsaved";
/** Writes of one window follow each other at this distance at least. */
const PAUSE_MS = 250;
const HOUR_MS = 3_600_000;

/** Words that a window left behind. */
export interface Kept {
  window: string;
  exam: number;
  /** Of the draft over which they were typed. */
  revision: number;
  at: Date;
  content: Content;
}

/**
 * Whether the server has all that is in `kept`: the same words, or later ones of the same window. A later revision alone
 * proves nothing: when the answer to a save is lost, what is typed from then on is kept over the revision before it.
 */
export const isThere = (kept: Kept, there: Standing): boolean => {
  const changed = there.differences.filter((difference) => difference.changed);
  const later = there.window === kept.window && there.revision > kept.revision;
  return !changed.length || (later && !changed.some(({ segments }) => segments.some((_, index) => isOnlyHere(segments, index))));
};

/** Whether a run of words is in what is kept alone; a word that was still being typed is there when it was finished. */
function isOnlyHere(segments: SectionDifference["segments"], index: number): boolean {
  const [before, here] = [segments[index - 1], segments[index]];
  const finished = before?.change === "removed" && before.text.startsWith(here?.text.trim() ?? "");
  return here?.change === "added" && !finished;
}

interface Sealed {
  window: string;
  owner: number;
  exam: number;
  revision: number;
  at: number;
  iv: Uint8Array<ArrayBuffer>;
  sealed: ArrayBuffer;
}

interface Keeping {
  owner: number;
  key: string;
  hours: number;
}

export class LocalKeep {
  private waiting: { revision: number; content: Content } | null = null;
  private writing = false;
  private holds = false;
  /** Grows when everything is on the server: what is being sealed then is not written any more. */
  private cleared = 0;
  /** Called when this computer refuses to keep anything (no room). */
  failed = (): void => undefined;
  private readonly last: LastWords;

  private constructor(
    private readonly database: IDBDatabase,
    private readonly key: CryptoKey,
    private readonly owner: number,
    private readonly window: string,
    private readonly exam: number,
  ) {
    this.last = new LastWords(key, owner, window, exam);
  }

  /** Opens what is kept on this computer; null where nothing can or shall be. `window` is named by a lock while it lives. */
  static async open(address: string, window: string, exam = 0): Promise<LocalKeep | null> {
    if (!globalThis.isSecureContext || !("locks" in navigator)) return null;
    void navigator.locks.request(lockOf(window), () => new Promise(() => undefined));
    const answer = await ask<Keeping>(address);
    if (answer.kind !== "ok") return null;
    const { owner, key, hours } = answer.value;
    const database = await opened();
    await forgetOld(database, Date.now() - hours * HOUR_MS);
    LastWords.forgetOld(Date.now() - hours * HOUR_MS);
    if (!key) return null;
    const bytes = Uint8Array.from(atob(key), (letter) => letter.charCodeAt(0));
    const made = await crypto.subtle.importKey("raw", bytes, "AES-GCM", false, ["encrypt", "decrypt"]);
    return new LocalKeep(database, made, owner, window, exam);
  }

  /** Whether any window left words on this computer, anybody's; asks the server nothing. */
  static async any(): Promise<boolean> {
    if (!globalThis.isSecureContext || !("locks" in navigator)) return false;
    if (LastWords.any()) return true;
    const database = await opened();
    const keys = await done(database.transaction(STORE).objectStore(STORE).getAllKeys());
    database.close();
    return keys.length > 0;
  }

  /** The newest words of this window, typed over `revision`, that the server has not got. */
  note(revision: number, content: Content): void {
    try {
      this.last.note(revision, content);
    } catch (error) {
      if (!(error instanceof DOMException)) throw error;
      this.failed();
    }
    this.waiting = { revision, content };
    if (!this.writing) void this.write();
  }

  /** The server has everything. */
  clear(): void {
    this.waiting = null;
    this.cleared += 1;
    this.last.clear();
    if (this.holds) void this.forget(this.window);
    this.holds = false;
  }

  /** What windows that are gone left behind, of this exam or of all; newest first. */
  async left(): Promise<Kept[]> {
    const held = new Set((await navigator.locks.query()).held?.map((lock) => lock.name));
    const all = await done<Sealed[]>(this.database.transaction(STORE).objectStore(STORE).getAll());
    const newest = new Map((await this.last.left()).map((each) => [each.window, each]));
    for (const each of all.filter(({ owner }) => owner === this.owner)) {
      const later = newest.get(each.window);
      if (later && later.at >= each.at) continue;
      const content = await this.unsealed(each);
      if (content) newest.set(each.window, { ...each, content });
    }
    return [...newest.values()]
      .filter((each) => (!this.exam || each.exam === this.exam) && !held.has(lockOf(each.window)))
      .sort((one, other) => other.at - one.at)
      .map(({ window, exam, revision, at, content }) => ({ window, exam, revision, at: new Date(at), content }));
  }

  async forget(window: string): Promise<void> {
    LastWords.forget(window);
    const change = this.database.transaction(STORE, "readwrite", { durability: "strict" });
    change.objectStore(STORE).delete(window);
    await ended(change);
  }

  private async write(): Promise<void> {
    this.writing = true;
    try {
      while (this.waiting) {
        const { revision, content } = this.waiting;
        this.waiting = null;
        await this.put(revision, content);
        if (!this.waiting) this.last.clear();
        await new Promise((go) => setTimeout(go, PAUSE_MS));
      }
    } catch (error) {
      if (!(error instanceof DOMException)) throw error;
      this.failed();
    } finally {
      this.writing = false;
    }
  }

  private async put(revision: number, content: Content): Promise<void> {
    const { cleared } = this;
    const iv = crypto.getRandomValues(new Uint8Array(12));
    const plain = new TextEncoder().encode(JSON.stringify(content));
    const sealed = await crypto.subtle.encrypt({ name: "AES-GCM", iv, additionalData: this.bound(this.exam) }, this.key, plain);
    if (cleared !== this.cleared) return;
    this.holds = true;
    const entry: Sealed = { window: this.window, owner: this.owner, exam: this.exam, revision, at: Date.now(), iv, sealed };
    const change = this.database.transaction(STORE, "readwrite", { durability: "strict" });
    change.objectStore(STORE).put(entry);
    await ended(change);
  }

  /** None when it was sealed by another key: the site's secret is a new one. */
  private async unsealed(entry: Sealed): Promise<Content | null> {
    try {
      const plain = await crypto.subtle.decrypt({ name: "AES-GCM", iv: entry.iv, additionalData: this.bound(entry.exam) }, this.key, entry.sealed);
      return JSON.parse(new TextDecoder().decode(plain)) as Content;
    } catch (error) {
      if (error instanceof DOMException || error instanceof SyntaxError) return null;
      throw error;
    }
  }

  /** Sealed words of one exam cannot be put in the place of another's. */
  private bound(exam: number): Uint8Array<ArrayBuffer> {
    return new TextEncoder().encode(`${this.owner} ${exam}`);
  }
}

const lockOf = (window: string): string => `quang-unsaved-${window}`;

function opened(): Promise<IDBDatabase> {
  const request = indexedDB.open(DATABASE, 1);
  request.onupgradeneeded = () => request.result.createObjectStore(STORE, { keyPath: "window" });
  return done(request);
}

async function forgetOld(database: IDBDatabase, before: number): Promise<void> {
  const change = database.transaction(STORE, "readwrite");
  const store = change.objectStore(STORE);
  for (const each of await done<Sealed[]>(store.getAll())) if (each.at < before) store.delete(each.window);
  await ended(change);
}

function done<T>(request: IDBRequest<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error ?? new Error("IndexedDB"));
  });
}

function ended(change: IDBTransaction): Promise<void> {
  return new Promise((resolve, reject) => {
    change.oncomplete = () => resolve();
    change.onerror = change.onabort = () => reject(change.error ?? new Error("IndexedDB"));
  });
}
