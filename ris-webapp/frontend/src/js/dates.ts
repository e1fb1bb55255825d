// A date beside the caption of its field, as Vietnamese readers write it: the field itself is written by the browser, in
// the browser's own language (12/31/2026 in an English one).

const DATES = '.field > input[type="date"], .field > input[type="datetime-local"]';

/** `Thứ 5, 31/12/2026`, with a time `31/12/2026 14:05`; empty for what is no date. */
export function inWords(value: string, language: string): string {
  const parts = /^(\d{4})-(\d{2})-(\d{2})(?:T(\d{2}:\d{2}))?/.exec(value);
  if (!parts) return "";
  const [, year, month, day, time] = parts;
  const date = `${day}/${month}/${year}`;
  if (time) return `${date} ${time}`;
  const weekday = new Intl.DateTimeFormat(language, { weekday: "short", timeZone: "UTC" });
  return `${weekday.format(Date.UTC(Number(year), Number(month) - 1, Number(day)))}, ${date}`;
}

function tell(field: HTMLInputElement): void {
  const caption = field.parentElement!.querySelector(":scope > span");
  if (!caption) return;
  let told = caption.querySelector(".day-in-words");
  if (!told) {
    told = document.createElement("small");
    told.className = "day-in-words";
    told.setAttribute("aria-hidden", "true"); // the field says its date itself
    caption.append(" ", told);
  }
  told.textContent = inWords(field.value, document.documentElement.lang);
}

/** From now on, also in what is loaded later. */
export function tellDates(): void {
  const tellAll = (): void => document.querySelectorAll<HTMLInputElement>(DATES).forEach(tell);
  tellAll();
  document.addEventListener("htmx:load", tellAll);
  document.addEventListener("reset", () => setTimeout(tellAll));
  document.addEventListener("input", (event) => {
    if (event.target instanceof HTMLInputElement && event.target.matches(DATES)) tell(event.target);
  });
}
