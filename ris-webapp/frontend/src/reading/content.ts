// What a report says, as the server keeps it (plugins/ris_core/reports/content.py); what has its default value is left out.

export interface TextBlock {
  type: "text";
  text?: string;
}

export interface FieldBlock {
  type: "field";
  code: string;
  label: string;
  kind?: "text" | "number" | "choice" | "choices" | "date";
  unit?: string;
  options?: string[];
  required?: boolean;
  minimum?: string;
  maximum?: string;
  values?: string[];
}

export interface TableBlock {
  type: "table";
  code: string;
  columns: { label: string; kind?: "text" | "number"; unit?: string }[];
  title?: string;
  rows?: string[][];
}

export type Block = TextBlock | FieldBlock | TableBlock;

export interface Section {
  code: string;
  title?: string;
  blocks?: Block[];
}

export interface Content {
  sections?: Section[];
}

/** The form in which the server keeps a text, near enough to tell our own draft from somebody else's. */
const settledText = (text: string): string => text.normalize("NFC").replace(/[ \t]+\n/g, "\n").replace(/\n{3,}/g, "\n\n").trim();

/** Everything that a person can change, and what it stands in, in one comparable text. */
function flat(content: Content, clean: (text: string) => string): string {
  return JSON.stringify(
    (content.sections ?? []).map((section) => [
      section.code,
      (section.blocks ?? []).map((block) => {
        if (block.type === "text") return clean(block.text ?? "");
        if (block.type === "field") return [block.code, (block.values ?? []).map(clean).filter(Boolean)];
        return [block.code, (block.rows ?? []).map((row) => row.map(clean))];
      }),
    ]),
  );
}

export const same = (one: Content, other: Content): boolean => flat(one, (text) => text) === flat(other, (text) => text);
/** The same text for two contents that the server would keep alike. */
export const settled = (content: Content): string => flat(content, settledText);
export const sameSettled = (one: Content, other: Content): boolean => settled(one) === settled(other);

/** What the form for a content is made of: two contents with the same frame fit into the same inputs. */
export function frame(content: Content): string {
  return JSON.stringify(
    (content.sections ?? []).map((section) => [
      section.code,
      section.title ?? "",
      (section.blocks ?? []).map((block) => {
        if (block.type === "text") return "text";
        if (block.type === "field") return { ...block, values: undefined };
        return { ...block, rows: block.rows?.length ?? 0 };
      }),
    ]),
  );
}

export const sectionOf = (content: Content, code: string): Section | undefined =>
  content.sections?.find((section) => section.code === code);
