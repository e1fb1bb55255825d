// What one can do on the reading page, by button (data-action) and by key.
import { registerKeys } from "../js/keys";
import { phrase } from "./phrase";

const BUTTONS = [
  "claim", "release", "amend", "approve_preliminary", "approve_final", "approve_corrected", "approve_next", "next", "sign",
  "history", "preview", "undo", "snippets", "spelling", "dictate", "larger", "smaller",
] as const;
const BY_KEY_ONLY = [
  "template", "spelling_toggle", "drawer", "image", "focus", "approve", "approve_in_turn", "notice", "pop_out", "save",
] as const;

export type Commands = Record<(typeof BUTTONS)[number] | (typeof BY_KEY_ONLY)[number], () => unknown>;

/** Key, the phrase that names it in the help, what it does, and whether it works while one types. */
const KEYS: [string, string, keyof Commands, boolean][] = [
  ["F2", "key_template", "template", true],
  ["F3", "key_snippets", "snippets", true],
  ["Shift+F6", "key_spelling", "spelling", true],
  ["Ctrl+F6", "key_spelling_toggle", "spelling_toggle", true],
  ["F4", "key_drawer", "drawer", true],
  ["F6", "key_image", "image", true],
  ["F7", "key_next", "next", true],
  ["F8", "key_focus", "focus", true],
  ["F9", "key_approve", "approve", true],
  ["F10", "key_approve_next", "approve_in_turn", true],
  ["Shift+F9", "key_preliminary", "approve_preliminary", true],
  ["n", "key_notice", "notice", false],
  ["k", "key_sign", "sign", false],
  ["c", "key_claim", "claim", false],
  ["p", "key_preview", "preview", false],
  ["h", "key_history", "history", false],
  ["o", "key_pop_out", "pop_out", false],
  ["Ctrl+S", "key_save", "save", true],
];

/** @param dictates whether the page has dictation, and so a key for it */
export function wireCommands(page: HTMLElement, commands: Commands, dictates: boolean): void {
  page.addEventListener("click", (event) => {
    const button = event.target instanceof Element ? event.target.closest<HTMLElement>("[data-action]") : null;
    const name = BUTTONS.find((each) => each === button?.dataset.action);
    if (name) commands[name]();
  });
  const keys = dictates ? [...KEYS, ["F1", "key_dictate", "dictate", true] as const] : KEYS;
  registerKeys(
    ...keys.map(([key, label, name, whileTyping]) => ({
      keys: [key],
      label: phrase(label),
      run: () => void commands[name](),
      ...(whileTyping && { whileTyping }),
    })),
  );
}
