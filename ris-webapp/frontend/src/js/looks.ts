// Looking at the server again when something has changed: one look at a time, so that an older answer never covers a
// newer one. A change during a look makes another follow; a change that comes while one is due does not put it off.

export class Looks {
  private timer: ReturnType<typeof setTimeout> | undefined;
  private running: Promise<void> | undefined;
  private following: Promise<void> | undefined;

  constructor(
    private readonly look: () => Promise<void>,
    private readonly pauseMs: number,
  ) {}

  /** After the pause; whatever changes until then is seen by the same look. */
  soon(): void {
    this.timer ??= setTimeout(() => {
      this.timer = undefined;
      void this.now();
    }, this.pauseMs);
  }

  /** Resolves when a look is done that began after this call. */
  now(): Promise<void> {
    if (!this.running && !this.following) return this.begin();
    this.following ??= this.running?.catch(() => undefined).then(() => this.begin());
    return this.following ?? this.begin();
  }

  private begin(): Promise<void> {
    clearTimeout(this.timer);
    this.timer = this.following = undefined;
    const looking = this.look().finally(() => (this.running = undefined));
    this.running = looking;
    return looking;
  }
}
