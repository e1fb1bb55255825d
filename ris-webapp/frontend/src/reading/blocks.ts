// A section of the report as inputs: texts that grow, fields in a grid, tables; each knows how to be read and written.
import { element } from "./element";
import type { Block, FieldBlock, Section, TableBlock, TextBlock } from "./content";
import { phrase } from "./phrase";

/** A block of the content and the inputs that stand for it. */
export interface Bound {
  section: string;
  element: HTMLElement;
  read: () => Block;
  write: (block: Block) => void;
  isEmpty: () => boolean;
}

const STANDARD = ["technique", "findings", "conclusion", "recommendation"];

export const headingOf = (section: Section): string =>
  section.title || (STANDARD.includes(section.code) ? phrase(section.code) : section.code);

export function buildSection(section: Section): { element: HTMLElement; bound: Bound[] } {
  const holder = element("div", "", "section");
  holder.dataset.section = section.code;
  const blocks = section.blocks ?? [];
  const label = element("label", headingOf(section));
  label.htmlFor = `section-${section.code}`;
  holder.append(label);
  let texts = 0;
  let grid: HTMLElement | null = null;
  const bound = blocks.map((block) => {
    const made =
      block.type === "text"
        ? buildText(section, block, (texts += 1))
        : block.type === "field"
          ? buildField(section.code, block)
          : buildTable(section.code, block);
    made.element.dataset.block = block.type;
    if (block.type === "field") {
      if (!grid) holder.append((grid = element("div", "", "report-fields")));
      grid.append(made.element);
    } else {
      grid = null;
      holder.append(made.element);
    }
    return made;
  });
  holder.classList.toggle("is-plain", blocks.length === 1);
  return { element: holder, bound };
}

function buildText(section: Section, block: TextBlock, number: number): Bound {
  const box = element("div", "", "text-box");
  const marks = element("div", "", "text-marks");
  marks.setAttribute("aria-hidden", "true");
  const area = element("textarea");
  area.id = number === 1 ? `section-${section.code}` : `section-${section.code}-${number}`;
  area.name = number === 1 ? section.code : `${section.code}-${number}`;
  area.rows = 1;
  area.maxLength = 20000;
  area.spellcheck = false;
  area.placeholder = " ";
  if (number > 1) area.setAttribute("aria-label", `${headingOf(section)} ${number}`);
  const write = (next: Block) => {
    const text = next.type === "text" ? (next.text ?? "") : "";
    if (area.value !== text) area.value = text;
  };
  write(block);
  box.append(marks, area);
  return { section: section.code, element: box, read: () => ({ type: "text", text: area.value }), write, isEmpty: () => !area.value.trim() };
}

function buildField(section: string, block: FieldBlock): Bound {
  const many = block.kind === "choices";
  const holder = element(many ? "fieldset" : "label", "", "report-field");
  holder.dataset.code = block.code;
  const name = element(many ? "legend" : "span", block.label, "report-field-name");
  if (block.required) name.append(element("b", " *"));
  holder.append(name);
  const inputs = many ? checkboxes(block) : [block.kind === "choice" ? select(block) : input(block)];
  const box = element("span", "", "report-field-box");
  if (many) box.append(...inputs.map(({ parentElement }) => parentElement as HTMLElement));
  else box.append(...inputs);
  if (block.unit) box.append(element("i", block.unit));
  const error = element("small", "", "field-error");
  error.id = `error-${block.code}`;
  for (const each of inputs) each.setAttribute("aria-describedby", error.id);
  holder.append(box, error);
  const values = (): string[] =>
    many
      ? inputs.filter((each) => (each as HTMLInputElement).checked).map((each) => each.value)
      : inputs.map((each) => each.value).filter((value) => value !== "");
  const write = (next: Block) => {
    const wanted = next.type === "field" ? (next.values ?? []) : [];
    for (const each of inputs) {
      if (many) (each as HTMLInputElement).checked = wanted.includes(each.value);
      else if (each.value !== (wanted[0] ?? "")) each.value = wanted[0] ?? "";
    }
  };
  write(block);
  return { section, element: holder, read: () => ({ ...block, values: values() }), write, isEmpty: () => values().length === 0 };
}

function input(block: FieldBlock): HTMLInputElement {
  const made = element("input");
  made.type = "text";
  made.id = `field-${block.code}`;
  made.maxLength = 500;
  made.autocomplete = "off";
  if (block.kind === "number") made.inputMode = "decimal";
  if (block.kind === "number" && (block.minimum || block.maximum)) made.title = `${block.minimum ?? ""} – ${block.maximum ?? ""}`;
  if (block.kind === "date") made.placeholder = phrase("date_hint");
  return made;
}

function select(block: FieldBlock): HTMLSelectElement {
  const made = element("select");
  made.id = `field-${block.code}`;
  // a value that the template offers no more stays to be seen, and is refused at approval
  const offered = new Set(["", ...(block.options ?? []), ...(block.values ?? [])]);
  made.append(...[...offered].map((option) => new Option(option || "–", option)));
  return made;
}

function checkboxes(block: FieldBlock): HTMLInputElement[] {
  return [...new Set([...(block.options ?? []), ...(block.values ?? [])])].map((option, at) => {
    const label = element("label", "", "report-choice");
    const box = element("input");
    box.type = "checkbox";
    box.id = `field-${block.code}-${at}`;
    box.value = option;
    label.append(box, option);
    return box;
  });
}

function buildTable(section: string, block: TableBlock): Bound {
  const holder = element("div", "", "report-table");
  holder.dataset.code = block.code;
  const table = element("table");
  if (block.title) table.append(element("caption", block.title));
  const head = element("tr");
  for (const column of block.columns) {
    const cell = element("th", column.unit ? `${column.label} (${column.unit})` : column.label);
    cell.scope = "col";
    head.append(cell);
  }
  const thead = element("thead");
  thead.append(head);
  const body = element("tbody");
  const inputs: HTMLInputElement[][] = (block.rows ?? []).map((row, at) => {
    const line = element("tr");
    const cells = block.columns.map((column, place) => {
      const cell = element("td");
      const box = element("input");
      box.type = "text";
      box.maxLength = 500;
      box.autocomplete = "off";
      box.id = `cell-${block.code}-${at}-${place}`;
      if (column.kind === "number") box.inputMode = "decimal";
      box.setAttribute("aria-label", `${column.label}, ${row[0] || at + 1}`);
      cell.append(box);
      line.append(cell);
      return box;
    });
    body.append(line);
    return cells;
  });
  table.append(thead, body);
  const tools = element("p", "", "report-table-tools");
  for (const rows of ["more", "less"] as const) {
    const button = element("button", phrase(`row_${rows}`), "link");
    button.dataset.rows = rows;
    button.hidden = rows === "less" && inputs.length === 0;
    tools.append(button);
  }
  holder.append(table, element("small", "", "field-error"), tools);
  const rows = () => inputs.map((line) => line.map((box) => box.value));
  const write = (next: Block) => {
    const wanted = next.type === "table" ? (next.rows ?? []) : [];
    inputs.forEach((line, at) => line.forEach((box, place) => (box.value = wanted[at]?.[place] ?? "")));
  };
  write(block);
  const isEmpty = () => rows().every((row) => row.slice(1).every((value) => !value.trim()));
  return { section, element: holder, read: () => ({ ...block, rows: rows() }), write, isEmpty };
}
