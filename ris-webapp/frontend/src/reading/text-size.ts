// How large the report's text is; this browser remembers it.

const SIZES = ["small", "medium", "large"];
const KEPT_AS = "quang-reading-text";

export function resize(page: HTMLElement, step: number): void {
  const now = Math.max(0, SIZES.indexOf(page.dataset.text ?? "medium"));
  page.dataset.text = SIZES[Math.min(SIZES.length - 1, Math.max(0, now + step))];
  localStorage.setItem(KEPT_AS, page.dataset.text ?? "medium");
}

export function restoreSize(page: HTMLElement): void {
  page.dataset.text = localStorage.getItem(KEPT_AS) ?? "medium";
}
