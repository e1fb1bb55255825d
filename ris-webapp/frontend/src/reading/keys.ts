// One key for each thing one does while reading. Function keys work wherever the focus is, in the viewer's frame too;
// letters work where no text is being typed.

export interface Binding {
  keys: string[];
  run: () => void;
}

const typing = (target: EventTarget | null): boolean =>
  target instanceof Element &&
  (target.closest("input, textarea, select, [contenteditable=true]") !== null || target.tagName === "IFRAME");

function named(event: KeyboardEvent): string {
  return (event.shiftKey && event.key.length > 1 ? "Shift+" : "") + event.key;
}

export class Keys {
  private readonly byKey = new Map<string, () => void>();

  constructor(bindings: Binding[]) {
    for (const { keys, run } of bindings) for (const key of keys) this.byKey.set(key, run);
    document.addEventListener("keydown", (event) => this.press(event, false));
  }

  /** Function keys pressed in a same-origin frame are ours; everything else stays the viewer's. */
  listenIn(frame: Window): void {
    frame.addEventListener("keydown", (event) => this.press(event, true), { capture: true });
  }

  private press(event: KeyboardEvent, functionKeysOnly: boolean): void {
    if (event.ctrlKey || event.altKey || event.metaKey || event.defaultPrevented) return;
    const key = named(event);
    const isFunctionKey = /^(Shift\+)?F\d+$/.test(key);
    if (!isFunctionKey && (functionKeysOnly || typing(event.target))) return;
    const run = this.byKey.get(key);
    if (!run) return;
    event.preventDefault();
    event.stopPropagation();
    if (!event.repeat) run();
  }
}
