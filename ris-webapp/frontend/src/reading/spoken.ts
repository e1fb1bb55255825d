// What was said, as it is written: names of punctuation become marks, sentences begin with a capital letter.

type Language = "vi" | "en";

interface Marks {
  /** Marks wherever they are said. */
  always: Readonly<Record<string, string>>;
  /** Words that reports have, too ("chấm vôi", "hai chấm mờ"): marks only where they end what was said. */
  last: Readonly<Record<string, string>>;
}

/** "colon" alone is a part of the body and never a mark. */
const MARKS: Record<Language, Marks> = {
  vi: {
    always: {
      "chấm xuống dòng": ".\n",
      "xuống dòng": "\n",
      "dòng mới": "\n",
      "đoạn mới": "\n\n",
      "dấu chấm phẩy": ";",
      "chấm phẩy": ";",
      "dấu hai chấm": ":",
      "dấu chấm hỏi": "?",
      "dấu chấm": ".",
      "dấu phẩy": ",",
      phẩy: ",",
      "mở ngoặc": "(",
      "đóng ngoặc": ")",
      "gạch ngang": "–",
      "gạch đầu dòng": "\n- ",
      "phần trăm": "%",
    },
    last: { chấm: ".", "hai chấm": ":", "chấm hỏi": "?" },
  },
  en: {
    always: {
      "new paragraph": "\n\n",
      "new line": "\n",
      "next line": "\n",
      semicolon: ";",
      "colon mark": ":",
      "question mark": "?",
      "full stop": ".",
      comma: ",",
      "open parenthesis": "(",
      "close parenthesis": ")",
      "bullet point": "\n- ",
      percent: "%",
    },
    last: { period: "." },
  },
};

/** A mark between two numbers stays in them: "ba phẩy năm" is 3,5 where the recogniser writes digits. */
const DECIMAL: Record<Language, RegExp> = {
  vi: /(\d)\s+phẩy\s+(?=\d)/giu,
  en: /(\d)\s+point\s+(?=\d)/giu,
};
const DECIMAL_MARK: Record<Language, string> = { vi: "$1,", en: "$1." };

export class Spoken {
  private readonly marks: Readonly<Record<string, string>>;
  private readonly names: RegExp;

  constructor(private readonly language: Language) {
    const { always, last } = MARKS[language];
    this.marks = { ...always, ...last };
    // longer names first, or "dấu chấm" would take the beginning of "dấu chấm phẩy"
    const any = (names: object) => Object.keys(names).sort((one, other) => other.length - one.length).join("|");
    this.names = new RegExp(`(?<![\\p{L}\\p{N}])(?:(?:${any(always)})(?![\\p{L}\\p{N}])|(?:${any(last)})$)`, "giu");
  }

  /** `words` as they are put between `before` and `after`, with the blanks and capitals that belong there. */
  written(words: string, before: string, after: string): string {
    const joined = words.normalize("NFC").trim().replace(DECIMAL[this.language], DECIMAL_MARK[this.language]);
    let text = joined.replace(this.names, (name) => this.marks[name.toLowerCase()] ?? name);
    text = text
      .replace(/[ \t]+(?=[.,;:?)%])/g, "")
      .replace(/([(]) +/g, "$1")
      .replace(/ *\n */g, "\n")
      .replace(/\n-\s*/g, "\n- ");
    if (!text) return "";
    text = capitals(text, before);
    const glued = /^[.,;:?)%\n]/.test(text) || before === "" || /[\s(]$/.test(before);
    const follows = after === "" || /^[\s.,;:?)%]/.test(after) || /[\s(]$/.test(text);
    return `${glued ? "" : " "}${text}${follows ? "" : " "}`;
  }
}

/** A capital letter at the beginning of the text, of a line and after a full stop. */
function capitals(text: string, before: string): string {
  const begins = /(^|[.?!]\s*|\n\s*(?:[-–]\s*)?)$/.test(before);
  const first = begins ? text.replace(/^([^\p{L}\p{N}]*)(\p{L})/u, upper) : text;
  return first.replace(/([.?!]\s+|\n\s*(?:[-–]\s*)?)(\p{L})/gu, upper);
}

const upper = (_: string, start: string, letter: string): string => start + letter.toLocaleUpperCase("vi");
