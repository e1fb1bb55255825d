// The designer of report templates: sections, their texts, fields and tables, and when each is there; beside it what comes
// out for a patient. What is designed is sent as JSON with the form; the server checks it.
import { say } from "./words";

interface When {
  sex?: string;
  min_age?: number | null;
  max_age?: number | null;
  services?: string[];
  modalities?: string[];
}
interface Block {
  type: "text" | "field" | "table";
  text?: string;
  code?: string;
  label?: string;
  kind?: string;
  unit?: string;
  options?: string[];
  required?: boolean;
  minimum?: string;
  maximum?: string;
  values?: string[];
  title?: string;
  columns?: { label: string; kind?: string; unit?: string }[];
  rows?: string[][];
}
interface Item {
  block: Block;
  when?: When | null;
}
interface Section {
  code: string;
  title?: string;
  items?: Item[];
  when?: When | null;
}

const STANDARD = ["technique", "findings", "conclusion", "recommendation"];
const PREVIEW_MS = 400;

const form = document.querySelector<HTMLFormElement>("#designer");
const holder = document.querySelector<HTMLElement>("#designer-sections");
const output = document.querySelector<HTMLElement>("#preview-text");
const sent = form?.querySelector<HTMLInputElement>("[name=definition]");
if (!form || !holder || !output || !sent) throw new Error("the designer lacks its form");

let sections = ((JSON.parse(sent.value || "{}") as { sections?: Section[] }).sections ?? []).map((section) => ({ ...section }));
let serial = 0;

function make<K extends keyof HTMLElementTagNameMap>(name: K, className = "", text = ""): HTMLElementTagNameMap[K] {
  const made = document.createElement(name);
  made.className = className;
  made.textContent = text;
  if (made instanceof HTMLButtonElement) made.type = "button";
  return made;
}

const lines = (text: string): string[] => text.split("\n").map((line) => line.trim()).filter(Boolean);
const wholeNumber = (text: string): number | null => (/^\d{1,3}$/.test(text.trim()) ? Number(text) : null);

function field(label: string, value: string, changed: (value: string) => void, rows = 0): HTMLElement {
  const wrapper = make("label", "field");
  const input = rows ? make("textarea") : make("input");
  if (input instanceof HTMLTextAreaElement) input.rows = rows;
  else input.type = "text";
  input.value = value;
  input.autocomplete = "off";
  input.spellcheck = false;
  input.addEventListener("input", () => (changed(input.value), soon()));
  wrapper.append(make("span", "", label), input);
  return wrapper;
}

function choice(label: string, value: string, options: [string, string][], changed: (value: string) => void): HTMLElement {
  const wrapper = make("label", "field");
  const select = make("select");
  select.append(...options.map(([key, text]) => new Option(text, key, false, key === value)));
  select.addEventListener("change", () => (changed(select.value), soon()));
  wrapper.append(make("span", "", label), select);
  return wrapper;
}

function tick(label: string, value: boolean, changed: (value: boolean) => void): HTMLElement {
  const wrapper = make("label", "tick");
  const box = make("input");
  box.type = "checkbox";
  box.checked = value;
  box.addEventListener("change", () => (changed(box.checked), soon()));
  wrapper.append(box, make("span", "", label));
  return wrapper;
}

function button(name: string, about: string, run: () => void): HTMLButtonElement {
  const made = make("button", "link", say(name));
  made.setAttribute("aria-label", `${say(name)}: ${about}`);
  made.addEventListener("click", () => {
    run();
    draw();
  });
  return made;
}

function moves<T>(list: T[], at: number, about: string): HTMLElement {
  const tools = make("span", "designer-tools push");
  const swap = (to: number) => {
    const [moved] = list.splice(at, 1);
    if (moved !== undefined) list.splice(to, 0, moved);
  };
  if (at > 0) tools.append(button("up", about, () => swap(at - 1)));
  if (at < list.length - 1) tools.append(button("down", about, () => swap(at + 1)));
  tools.append(button("remove", about, () => list.splice(at, 1)));
  return tools;
}

function condition(of: { when?: When | null }): HTMLElement {
  const details = make("details", "designer-when");
  const summary = make("summary");
  const when: When = { ...of.when };
  const put = () => {
    const given = when.sex || when.min_age != null || when.max_age != null || when.services?.length || when.modalities?.length;
    of.when = given ? when : null;
    const parts = [
      when.sex ? say(`sex_${when.sex}`) : "",
      when.min_age != null ? `≥ ${when.min_age}` : "",
      when.max_age != null ? `≤ ${when.max_age}` : "",
      ...(when.services ?? []),
    ].filter(Boolean);
    summary.textContent = `${say("when")}: ${parts.join(", ") || say("always")}`;
    details.classList.toggle("is-set", parts.length > 0);
  };
  const grid = make("div", "designer-grid");
  grid.append(
    choice(say("sex"), when.sex ?? "", [["", say("sex_any")], ["F", say("sex_F")], ["M", say("sex_M")]], (value) => ((when.sex = value), put())),
    field(say("min_age"), String(when.min_age ?? ""), (value) => ((when.min_age = wholeNumber(value)), put())),
    field(say("max_age"), String(when.max_age ?? ""), (value) => ((when.max_age = wholeNumber(value)), put())),
    field(say("services"), (when.services ?? []).join(", "), (value) => ((when.services = value.split(",").map((code) => code.trim()).filter(Boolean)), put())),
  );
  details.append(summary, grid);
  put();
  return details;
}

function editorOf(block: Block): HTMLElement {
  if (block.type === "text") return field(say("text"), block.text ?? "", (value) => (block.text = value), 4);
  const grid = make("div", "designer-grid");
  if (block.type === "field") {
    const kinds = ["text", "number", "choice", "choices", "date"].map((kind): [string, string] => [kind, say(`kind_${kind}`)]);
    grid.append(
      field(say("label"), block.label ?? "", (value) => (block.label = value)),
      field(say("code"), block.code ?? "", (value) => (block.code = value)),
      choice(say("kind"), block.kind ?? "text", kinds, (value) => ((block.kind = value), draw())),
      field(say("suggested"), (block.values ?? []).join("; "), (value) => (block.values = value.split(";").map((each) => each.trim()).filter(Boolean))),
    );
    if (block.kind === "number") {
      grid.append(
        field(say("unit"), block.unit ?? "", (value) => (block.unit = value)),
        field(say("minimum"), block.minimum ?? "", (value) => (block.minimum = value)),
        field(say("maximum"), block.maximum ?? "", (value) => (block.maximum = value)),
      );
    }
    if (block.kind === "choice" || block.kind === "choices") {
      grid.append(field(say("options"), (block.options ?? []).join("\n"), (value) => (block.options = lines(value)), 3));
    }
    grid.append(tick(say("required"), block.required ?? false, (value) => (block.required = value)));
    return grid;
  }
  const shownColumns = (block.columns ?? []).map((column) => (column.unit || column.kind === "number" ? `${column.label}; ${column.unit ?? ""}` : column.label));
  grid.append(
    field(say("title"), block.title ?? "", (value) => (block.title = value)),
    field(say("code"), block.code ?? "", (value) => (block.code = value)),
    field(say("columns"), shownColumns.join("\n"), (value) => {
      block.columns = lines(value).map((line) => {
        const [label = "", unit] = line.split(";").map((part) => part.trim());
        return unit === undefined ? { label } : { label, unit, kind: "number" };
      });
    }, 4),
    field(say("rows"), (block.rows ?? []).map((row) => row.join("; ")).join("\n"), (value) => (block.rows = lines(value).map((line) => line.split(";").map((cell) => cell.trim()))), 4),
  );
  return grid;
}

function drawItem(items: Item[], item: Item, at: number): HTMLElement {
  const box = make("div", "designer-item");
  const head = make("div", "designer-head");
  const name = item.block.label ?? item.block.title ?? "";
  head.append(make("b", "", say(item.block.type)), moves(items, at, `${say(item.block.type)} ${name || at + 1}`));
  box.append(head, editorOf(item.block), condition(item));
  return box;
}

function drawSection(section: Section, at: number): HTMLElement {
  section.items ??= [];
  const items = section.items;
  const usual = STANDARD.includes(section.code) ? say(section.code) : "";
  const card = make("section", "card designer-section");
  const name = section.title || usual || section.code;
  card.setAttribute("aria-label", name);
  const head = make("header");
  head.append(make("h2", "", name), moves(sections, at, name));
  const body = make("div", "card-body");
  const names = make("div", "designer-grid");
  const title = field(usual ? say("usual_title") : say("section_title"), section.title ?? "", (value) => (section.title = value));
  const place = title.querySelector("input");
  if (place && usual) place.placeholder = usual;
  names.append(title);
  if (!usual) names.append(field(say("section_code"), section.code, (value) => (section.code = value)));
  const add = make("p", "designer-add");
  const adding: [string, () => Block][] = [
    ["add_text", () => ({ type: "text", text: "" })],
    ["add_field", () => ({ type: "field", code: newCode("o"), label: "", kind: "text" })],
    ["add_table", () => ({ type: "table", code: newCode("bang"), columns: [{ label: "" }], rows: [] })],
  ];
  for (const [label, block] of adding) add.append(button(label, name, () => items.push({ block: block() })));
  body.append(names, condition(section), ...items.map((item, place) => drawItem(items, item, place)), add);
  card.append(head, body);
  return card;
}

function newCode(beginning: string): string {
  const used = new Set([...sections.map((section) => section.code), ...sections.flatMap((section) => (section.items ?? []).map(({ block }) => block.code))]);
  do serial += 1;
  while (used.has(`${beginning}_${serial}`));
  return `${beginning}_${serial}`;
}

function draw(): void {
  holder?.replaceChildren(...sections.map(drawSection));
  soon();
}

let timer: ReturnType<typeof setTimeout> | undefined;
function soon(): void {
  if (sent) sent.value = JSON.stringify({ sections });
  clearTimeout(timer);
  timer = setTimeout(() => void preview(), PREVIEW_MS);
}

async function preview(): Promise<void> {
  if (!form || !output) return;
  const body = new FormData(form);
  body.set("sex", document.querySelector<HTMLSelectElement>("#preview-sex")?.value ?? "");
  body.set("age", document.querySelector<HTMLInputElement>("#preview-age")?.value ?? "");
  try {
    const response = await fetch(form.dataset.preview ?? "", { method: "POST", body, credentials: "same-origin" });
    const answer = (await response.json()) as { text?: string; error?: string };
    output.textContent = answer.error ?? answer.text ?? "";
    output.classList.toggle("is-wrong", answer.error !== undefined);
  } catch {
    output.textContent = say("failed");
  }
}

form.querySelector("[data-add-section]")?.addEventListener("click", () => {
  sections = [...sections, { code: newCode("muc"), title: "", items: [{ block: { type: "text", text: "" } }] }];
  draw();
  holder.lastElementChild?.querySelector("input")?.focus();
});
for (const id of ["#preview-sex", "#preview-age"]) document.querySelector(id)?.addEventListener("input", soon);
draw();
