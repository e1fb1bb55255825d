// The columns of the list: which, in which order; kept by the server for the user.

import { post } from "./post";

const entries = () => [...document.querySelectorAll<HTMLElement>("#columns .column-entry")];

async function keep(reload: () => void, columns?: string): Promise<void> {
  const chosen = entries().filter((entry) => entry.querySelector<HTMLInputElement>("[data-column]")?.checked);
  const names = columns ?? chosen.map((entry) => entry.dataset.name).join(" ");
  if (await post("/worklist/columns/", { columns: names })) reload();
}

export function wireColumns(reload: () => void): void {
  document.addEventListener("change", (event) => {
    if (event.target instanceof HTMLInputElement && event.target.dataset.column) void keep(reload);
  });
  document.addEventListener("click", (event) => {
    const target = event.target as Element;
    if (target.closest("[data-usual-columns]")) void keep(reload, "");
    const button = target.closest<HTMLElement>("[data-move]");
    const entry = button?.closest<HTMLElement>(".column-entry");
    if (!button || !entry) return;
    if (button.dataset.move === "-1") entry.previousElementSibling?.before(entry);
    else if (entry.nextElementSibling?.classList.contains("column-entry")) entry.nextElementSibling.after(entry);
    button.focus();
    void keep(reload);
  });
  let dragged: HTMLElement | undefined;
  document.addEventListener("dragstart", (event) => {
    dragged = (event.target as Element).closest<HTMLElement>(".column-entry") ?? undefined;
  });
  document.addEventListener("dragover", (event) => {
    const over = (event.target as Element).closest<HTMLElement>(".column-entry");
    if (!dragged || !over) return;
    event.preventDefault();
    const below = event.clientY > over.getBoundingClientRect().top + over.offsetHeight / 2;
    if (over !== dragged) over[below ? "after" : "before"](dragged);
  });
  document.addEventListener("dragend", () => {
    if (dragged) void keep(reload);
    dragged = undefined;
  });
}
