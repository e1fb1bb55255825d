// Sentences with values in them, in the user's language: phrase("Đã lưu lúc {time}", …) by its name in the page's words.
import { say } from "../js/words";

export function phrase(name: string, values: Record<string, string | number> = {}): string {
  return say(name).replace(/\{(\w+)\}/g, (_, key: string) => String(values[key] ?? ""));
}
