// Keyboard: each page registers its keys once; `?` shows them, the palette offers those that have a label.

import { say } from "./words";

export interface Key {
  /** As shown and matched: "j", "Enter", " ", "Ctrl+K", "ArrowDown"; several separated by a blank after a comma. */
  keys: string[];
  label: string;
  run: (event: KeyboardEvent) => void;
  /** Also while typing in a field (only for combinations with Ctrl, or Escape). */
  whileTyping?: boolean;
}

const registered: Key[] = [];

export function registerKeys(...keys: Key[]): void {
  for (const key of keys) {
    // only the first would ever run
    const taken = key.keys.filter((name) => registered.some((other) => other.keys.includes(name)));
    if (taken.length) console.error(`keys that already do something else: ${taken.join(" ")}`);
    registered.push(key);
  }
}

export function keysOfPage(): readonly Key[] {
  return registered;
}

const SHOWN: Record<string, string> = { " ": "Space", ArrowDown: "↓", ArrowUp: "↑", ArrowLeft: "←", ArrowRight: "→", Escape: "Esc" };

export function shown(key: string): string {
  return SHOWN[key] ?? key;
}

function nameOf(event: KeyboardEvent): string {
  const parts = [];
  if (event.ctrlKey || event.metaKey) parts.push("Ctrl");
  if (event.altKey) parts.push("Alt");
  if (event.shiftKey && event.key.length > 1) parts.push("Shift");
  parts.push(parts.length && event.key.length === 1 ? event.key.toUpperCase() : event.key);
  return parts.join("+");
}

function isTyping(target: EventTarget | null): boolean {
  return target instanceof HTMLElement && (target.isContentEditable || /^(INPUT|TEXTAREA|SELECT)$/.test(target.tagName));
}

function onButton(target: EventTarget | null, key: string): boolean {
  return (key === "Enter" || key === " ") && target instanceof HTMLElement && target.closest("button, a, summary") !== null;
}

export function listenForKeys(): void {
  document.addEventListener("keydown", (event) => {
    if (event.defaultPrevented || event.isComposing) return;
    const name = nameOf(event);
    const inDialog = document.querySelector("dialog:modal") !== null;
    for (const key of registered) {
      if (!key.keys.includes(name)) continue;
      if (!key.whileTyping && (isTyping(event.target) || inDialog || onButton(event.target, name))) continue;
      event.preventDefault();
      key.run(event);
      return;
    }
  });
}

/** The dialog behind `?`: every key of this page with what it does. */
export function showKeys(): void {
  const dialog = document.getElementById("keys-dialog");
  const list = document.getElementById("keys-list");
  if (!(dialog instanceof HTMLDialogElement) || !list || dialog.open) return;
  list.replaceChildren(
    ...registered.flatMap((key) => {
      const term = document.createElement("dt");
      key.keys.forEach((name, index) => {
        if (index) term.append(" ");
        const cap = document.createElement("kbd");
        cap.textContent = shown(name);
        term.append(cap);
      });
      const meaning = document.createElement("dd");
      meaning.textContent = key.label;
      return [term, meaning];
    }),
  );
  dialog.setAttribute("aria-label", say("keys"));
  dialog.showModal();
}
