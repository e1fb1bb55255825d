// The sentences that scripts show, translated by the server and carried in the page as a block of JSON.

export type Words = Record<string, string>;

export function wordsOf(id: string): Words {
  return JSON.parse(document.getElementById(id)?.textContent ?? "{}") as Words;
}

/** `say("Đã lưu lúc {time}", {time: "14:02"})` */
export function say(words: Words, key: string, values: Record<string, string | number> = {}): string {
  return (words[key] ?? key).replace(/\{(\w+)\}/g, (_, name: string) => String(values[name] ?? ""));
}
