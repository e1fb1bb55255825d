// An element with its text and classes; a button does not submit.
export function element<K extends keyof HTMLElementTagNameMap>(name: K, text = "", className = ""): HTMLElementTagNameMap[K] {
  const made = document.createElement(name);
  if (text) made.textContent = text;
  if (className) made.className = className;
  if (made instanceof HTMLButtonElement) made.type = "button";
  return made;
}
