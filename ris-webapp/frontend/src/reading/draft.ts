// Keeps the draft on the server as one types: every edit is saved within MAX_WAIT_MS, one request at a time, and retried
// while the server cannot be reached. Knows nothing of the page: saving and time are given to it.

import { same, sameSettled, settled, type Content } from "./content";

export interface Saved {
  revision: number;
  savedAt: string;
}

/** What is on the server, and how what is here differs from it. */
export interface Standing extends Saved {
  content: Content;
  /** Each section of it as text, by code. */
  texts: Record<string, string>;
  /** The browser window whose words they are. */
  window?: string;
  differences: SectionDifference[];
}

/** What a save met instead of the revision it named. */
export type Theirs = Standing;

export interface SectionDifference {
  section: string;
  title: string;
  changed: boolean;
  segments: { change: "same" | "added" | "removed"; text: string }[];
}

export type Outcome =
  | { kind: "saved"; saved: Saved }
  | { kind: "conflict"; theirs: Theirs }
  | { kind: "unreachable" }
  | { kind: "signed-out" }
  | { kind: "refused"; detail: string; code: string };

export type State = "saved" | "unsaved" | "saving" | "unreachable" | "signed-out" | "conflict" | "refused";

export interface Report {
  state: State;
  savedAt: string;
  /** Seconds until the next try, while the server cannot be reached. */
  retryInSeconds: number;
  detail: string;
}

export type Save = (revision: number, content: Content, leaving: boolean) => Promise<Outcome>;

export const QUIET_MS = 700;
export const MAX_WAIT_MS = 1500;
const RETRY_SECONDS = [1, 2, 4, 8, 15];

export class DraftKeeper {
  private state: State = "saved";
  private detail = "";
  private kept: Content;
  /** What was sent over this revision and never answered: one of it may be there, as the next revision. */
  private unanswered = new Set<string>();
  private inFlight: Promise<void> | null = null;
  private timer: ReturnType<typeof setTimeout> | undefined;
  private firstUnsavedAt = 0;
  private failures = 0;
  conflict: Theirs | null = null;

  constructor(
    private readonly read: () => Content,
    private readonly save: Save,
    private readonly tell: (report: Report) => void,
    private revision: number,
    private savedAt: string,
  ) {
    this.kept = read();
  }

  get currentRevision(): number {
    return this.revision;
  }

  /** Whether something typed here is not on the server yet. */
  get unsaved(): boolean {
    return !same(this.read(), this.kept);
  }

  get blocked(): boolean {
    return this.state === "conflict" || this.state === "refused";
  }

  edited(): void {
    if (this.blocked) return;
    if (!this.unsaved) {
      if (!this.inFlight && this.state === "unsaved") this.enter("saved");
      return;
    }
    if (this.state === "unreachable" || this.state === "signed-out") return; // its own timer tries again
    if (this.state !== "unsaved") {
      this.firstUnsavedAt = Date.now();
      this.enter("unsaved");
    }
    const waited = Date.now() - this.firstUnsavedAt;
    this.schedule(Math.max(0, Math.min(QUIET_MS, MAX_WAIT_MS - waited)));
  }

  /** Saves now what is not saved; resolves when the server has it or it is known that it cannot have it. */
  async flush(leaving = false): Promise<boolean> {
    clearTimeout(this.timer);
    if (leaving) {
      if (this.unsaved && !this.blocked) {
        this.unanswered.add(settled(this.read())); // who leaves may come back
        void this.save(this.revision, this.read(), true);
      }
      return false;
    }
    while (this.unsaved && !this.blocked) {
      await this.run();
      if (this.state === "unreachable" || this.state === "signed-out") return false;
    }
    return !this.blocked;
  }

  /** Goes on after a conflict: what the editor holds now is to be saved over `theirs`. */
  resolved(): void {
    if (!this.conflict) return;
    this.adopt(this.conflict, this.conflict.content);
    this.conflict = null;
    this.enter("unsaved");
    void this.flush().then(() => this.settle());
  }

  /** Whether one may write has changed: what was refused, or never sent, is tried again. */
  resume(): void {
    if (this.state === "refused") this.enter("unsaved");
    void this.flush();
  }

  /** The server's draft was put into the editor (a template, a reload): it is what is kept. */
  replaced(saved: Saved): void {
    this.conflict = null;
    this.adopt(saved, this.read());
    this.enter("saved");
  }

  private async run(): Promise<void> {
    this.inFlight ??= this.attempt().finally(() => {
      this.inFlight = null;
    });
    await this.inFlight;
  }

  private async attempt(): Promise<void> {
    const content = this.read();
    if (this.state !== "unreachable" && this.state !== "signed-out") this.enter("saving"); // what is told of it stays
    const outcome = await this.save(this.revision, content, false);
    switch (outcome.kind) {
      case "saved":
        this.adopt(outcome.saved, content);
        this.settle();
        break;
      case "conflict":
        if (sameSettled(outcome.theirs.content, content) || this.isOwn(outcome.theirs)) {
          // an earlier answer was lost on its way: the other draft is our own
          this.adopt(outcome.theirs, sameSettled(outcome.theirs.content, content) ? content : outcome.theirs.content);
          this.settle();
          break;
        }
        this.conflict = outcome.theirs;
        this.enter("conflict");
        break;
      case "refused":
        this.detail = outcome.detail;
        this.enter("refused");
        break;
      default:
        if (outcome.kind === "unreachable") this.unanswered.add(settled(content));
        this.failures += 1;
        this.enter(outcome.kind);
        this.schedule(this.retryInSeconds * 1000);
    }
  }

  private isOwn(theirs: Theirs): boolean {
    return theirs.revision === this.revision + 1 && this.unanswered.has(settled(theirs.content));
  }

  private settle(): void {
    if (this.blocked && this.conflict) return;
    if (this.unsaved) {
      this.firstUnsavedAt = Date.now();
      this.enter("unsaved");
      this.schedule(QUIET_MS);
    } else {
      this.enter("saved");
    }
  }

  private adopt(saved: Saved, content: Content): void {
    this.revision = saved.revision;
    this.savedAt = saved.savedAt;
    this.kept = content;
    this.unanswered.clear();
    this.failures = 0;
  }

  private get retryInSeconds(): number {
    return RETRY_SECONDS[Math.min(this.failures, RETRY_SECONDS.length) - 1] ?? 0;
  }

  private schedule(milliseconds: number): void {
    clearTimeout(this.timer);
    this.timer = setTimeout(() => void this.run(), milliseconds);
  }

  private enter(state: State): void {
    this.state = state;
    const retryInSeconds = state === "unreachable" ? this.retryInSeconds : 0;
    this.tell({ state, savedAt: this.savedAt, retryInSeconds, detail: this.detail });
  }
}
