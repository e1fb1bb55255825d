// Words in the user's language that scripts show; the page brings them as JSON (templates/dialogs.html).

let words: Record<string, string> | undefined;

/** The text for `name`; the name itself where a page has none, so that a gap is seen and not blank. */
export function say(name: string): string {
  if (!words) {
    words = {};
    for (const block of document.querySelectorAll<HTMLScriptElement>('script[type="application/json"][id$="-words"]')) {
      Object.assign(words, JSON.parse(block.textContent ?? "{}"));
    }
  }
  return words[name] ?? name;
}
