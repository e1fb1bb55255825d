// The command palette (Ctrl K): every screen of the rail, every key of the page, every element with data-command,
// and a search for whatever was typed.

import { keysOfPage, shown } from "./keys";
import { say } from "./words";

interface Command {
  label: string;
  hint: string;
  run: () => void;
}

const folded = (text: string) => text.normalize("NFD").replace(/\p{M}/gu, "").replace(/[đĐ]/g, "d").toLowerCase();

function commands(): Command[] {
  const found: Command[] = [];
  for (const link of document.querySelectorAll<HTMLAnchorElement>(".rail-entry")) {
    found.push({ label: `${say("goTo")}: ${link.querySelector("span")?.textContent ?? ""}`, hint: "", run: () => link.click() });
  }
  for (const element of document.querySelectorAll<HTMLElement>("[data-command]")) {
    found.push({ label: element.dataset.command ?? "", hint: "", run: () => element.click() });
  }
  for (const key of keysOfPage()) {
    if (key.keys.includes("Escape") || key.keys.includes("Ctrl+K")) continue;
    found.push({ label: key.label, hint: key.keys.map(shown).join(" "), run: () => key.run(new KeyboardEvent("keydown")) });
  }
  return found;
}

export function openPalette(): void {
  const dialog = document.getElementById("palette");
  const input = document.getElementById("palette-input");
  const list = document.getElementById("palette-list");
  if (!(dialog instanceof HTMLDialogElement) || !(input instanceof HTMLInputElement) || !list || dialog.open) return;
  const all = commands();
  let offered: Command[] = [];
  let chosen = 0;

  const mark = () => {
    [...list.children].forEach((item, index) => item.setAttribute("aria-selected", String(index === chosen)));
    list.children[chosen]?.scrollIntoView({ block: "nearest" });
    input.setAttribute("aria-activedescendant", `palette-${chosen}`);
  };
  const run = (index: number) => {
    dialog.close();
    offered[index]?.run();
  };
  const offer = () => {
    const typed = folded(input.value.trim());
    offered = all.filter((command) => typed.split(/\s+/).every((part) => folded(command.label).includes(part)));
    if (typed) {
      const text = input.value.trim();
      const search = () => location.assign(`/?q=${encodeURIComponent(text)}`);
      offered.push({ label: `${say("findExam")} ${text}`, hint: "Enter", run: search });
    }
    chosen = 0;
    list.replaceChildren(
      ...offered.map((command, index) => {
        const item = document.createElement("li");
        item.id = `palette-${index}`;
        item.role = "option";
        item.append(command.label);
        if (command.hint) {
          const hint = document.createElement("kbd");
          hint.textContent = command.hint;
          item.append(hint);
        }
        item.addEventListener("click", () => run(index));
        return item;
      }),
    );
    mark();
  };
  input.value = "";
  input.oninput = offer;
  input.onkeydown = (event) => {
    if (event.key === "ArrowDown") chosen = Math.min(chosen + 1, offered.length - 1);
    else if (event.key === "ArrowUp") chosen = Math.max(chosen - 1, 0);
    else if (event.key === "Enter") run(chosen);
    else return;
    event.preventDefault();
    mark();
  };
  offer();
  dialog.showModal();
  input.focus();
}
