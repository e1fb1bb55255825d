// The reading page: images left, report right, order and priors in a drawer. Nothing here is modal.
import { registerKeys } from "../js/keys";
import { toast } from "../js/toast";
import { Approval } from "./approval";
import { ConflictPanel } from "./conflict";
import type { Content } from "./content";
import { Dictation } from "./dictation";
import { DraftKeeper, type Outcome, type Saved, type Theirs } from "./draft";
import { Drawer } from "./drawer";
import { Editor } from "./editor";
import { ImagesPane } from "./images-pane";
import { KeptWords } from "./kept-words";
import { KeyImages } from "./key-images";
import { LocalKeep } from "./local-keep";
import { phrase } from "./phrase";
import { SavingSign } from "./saving";
import { ask, fragment, renewCsrfToken, type Answer } from "./server";
import { Snippets, type Snippet } from "./snippets";
import { Spelling } from "./spelling";
import { wireSplitter } from "./splitter";
import type { ReadingAddresses, Status } from "./status";
import { TemplatePicker, type Template } from "./templates";

function need<T extends Element>(selector: string, kind: new () => T): T {
  const found = document.querySelector(selector);
  if (!(found instanceof kind)) throw new Error(`the reading page lacks ${selector}`);
  return found;
}

function data<T>(id: string): T {
  return JSON.parse(need(`#${id}`, HTMLScriptElement).textContent ?? "") as T;
}

const page = need("#reading", HTMLElement);
const examId = Number(page.dataset.exam);
const at = data<ReadingAddresses>("reading-addresses");
let status = data<Status>("reading-status");

/** Names this window to the server and to other windows of this computer. */
const windowName = globalThis.isSecureContext ? crypto.randomUUID() : "";
let local: LocalKeep | null = null;

const editor = new Editor(need("#report", HTMLFormElement), () => edited());
editor.write(status.content);
const sign = new SavingSign(need("#saving", HTMLElement), need("#at-risk", HTMLElement), at.login, data("reading-user"), () => {
  void renewToken().then(() => keeper.flush());
});
const keeper = new DraftKeeper(
  () => editor.read(),
  save,
  (report) => {
    sign.show(report);
    if (report.state === "saved") keepHere();
    if (keeper.conflict) conflict.show(keeper.conflict);
    else conflict.hide();
  },
  status.revision,
  status.savedAt,
);
const conflict = new ConflictPanel(need("#conflict", HTMLElement), editor, keeper);
const kept = new KeptWords(need("#kept", HTMLElement), editor, at.differences, edited);
const images = new ImagesPane(need("#images", HTMLElement), at.compare, at.keep);
const drawer: Drawer = new Drawer(page, need("#drawer", HTMLElement), need("#drawer-toggle", HTMLButtonElement), (prior) => {
  void images.compare(prior).then((beside) => drawer.mark(beside));
}, {
  flush: () => keeper.flush(),
  take: (section, text) => editor.append(section, text),
  editable: () => editor.editable,
});
const keyImages = new KeyImages(need("#key-images", HTMLElement), at, editor, () => status, edited);
const picker = new TemplatePicker(
  need("#template-picker", HTMLElement),
  need("#template-open", HTMLButtonElement),
  data<Template[]>("reading-templates"),
  (template) => void applyTemplate(template),
  () => editor.focus(),
);
const snippets = new Snippets(
  need("#report", HTMLFormElement),
  need("#snippet-picker", HTMLElement),
  editor,
  data<Snippet[]>("reading-snippets"),
  data<Record<string, string>>("reading-facts"),
);
const spelling = new Spelling(
  need("#report", HTMLFormElement),
  need("#spelling-bar", HTMLElement),
  editor,
  data<{ own: string[]; known: string }>("reading-spelling"),
  at.learn,
);
const dictationBar = document.getElementById("dictation");
const dictation = dictationBar && new Dictation(dictationBar, need("[data-action=dictate]", HTMLButtonElement), editor);
const approval = new Approval(editor, keeper, at.approve, () => status, refresh, () => (leaving = true));
let leaving = false;

function edited(): void {
  keeper.edited();
  keepHere();
}

/** What the server has not got is kept on this computer until it has. */
function keepHere(): void {
  if (keeper.unsaved) local?.note(keeper.currentRevision, editor.read());
  else local?.clear();
}

async function openLocalKeep(): Promise<void> {
  local = await LocalKeep.open(at.localKeep, windowName, examId);
  if (!local) return;
  sign.keptHere = true;
  local.failed = () => (sign.keptHere = false);
  keepHere();
  await kept.look(local);
}

async function save(revision: number, content: Content, isLeaving: boolean): Promise<Outcome> {
  const answer = await ask<Saved>(at.draft, { revision, content, window: windowName }, isLeaving);
  if (answer.kind === "ok") return { kind: "saved", saved: answer.value };
  if (answer.kind === "unreachable") return answer;
  if (answer.kind === "signed-out") {
    await renewToken();
    return answer;
  }
  if (answer.body.theirs) {
    return { kind: "conflict", theirs: answer.body.theirs as Theirs };
  }
  if (answer.problem.status >= 500) return { kind: "unreachable" };
  void refresh();
  return { kind: "refused", detail: answer.problem.detail, code: answer.problem.code };
}

/** After a new login in another window the form's token is another one. */
async function renewToken(): Promise<void> {
  const answer = await ask<Status>(at.status);
  if (answer.kind === "ok") renewCsrfToken(answer.value.csrf);
}

let shownHead = ""; // the HTML that was put there last

function show(next: Status): void {
  if (next.reading === status.reading && next.revision < keeper.currentRevision) {
    soon(); // asked for before the last save and answered after it: it would put old text into the editor
    return;
  }
  const wasEditable = status.rights.edit;
  status = next;
  const head = need("#report-head", HTMLElement);
  if (shownHead !== next.head) head.innerHTML = shownHead = next.head; // what is typed into its forms stays otherwise
  const who = need("#exam-who", HTMLElement);
  if (who.innerHTML !== next.who) who.innerHTML = next.who;
  editor.editable = next.rights.edit;
  const isNewer = next.revision > keeper.currentRevision;
  const elsewhere = wasEditable && next.rights.edit && isNewer && !keeper.unsaved && next.savedAt !== "";
  if (keeper.unsaved) {
    // what is not saved stays in the page, also when somebody else took over: it is saved, shown as a conflict, or copied
    if (next.rights.edit !== wasEditable) keeper.resume();
  } else if (!next.rights.edit || !wasEditable || isNewer) {
    editor.write(next.content);
    keeper.replaced(next);
    if (elsewhere) toast(phrase("saved_elsewhere"));
  }
  if (isNewer || next.rights.edit !== wasEditable) void kept.again();
  for (const button of page.querySelectorAll<HTMLButtonElement>("[data-right]")) {
    const right = button.dataset.right as keyof Status["rights"];
    button.hidden = !next.rights[right];
  }
  for (const button of page.querySelectorAll<HTMLButtonElement>("[data-shown]")) {
    const shown = button.dataset.shown as keyof Status["shows"];
    button.hidden = !(next.shows[shown] || (shown === "preview" && next.rights.edit));
  }
  need("#template-open", HTMLButtonElement).disabled = !next.rights.edit;
  page.classList.toggle("is-editable", next.rights.edit);
  images.show(next.images);
  keyImages.show(next);
}

async function refresh(): Promise<void> {
  const answer = await ask<Status>(at.status);
  if (answer.kind === "ok") show(answer.value);
}

function tell(answer: Answer<unknown>): void {
  if (answer.kind === "problem") toast(`${answer.problem.detail} (${answer.problem.code})`, "error");
  else if (answer.kind !== "ok") toast(phrase(`action_${answer.kind}`), "error");
}

async function act(name: "claim" | "release" | "amend"): Promise<void> {
  if (!status.rights[name]) return;
  if (name === "release" && !(await keeper.flush())) return;
  const answer = await ask<Status>(at[name], {});
  if (answer.kind !== "ok") {
    tell(answer);
    return refresh();
  }
  show(answer.value);
  if (answer.value.rights.edit) editor.focus();
}

/** A notice of what changed under the reader's hands has been read. */
async function acknowledge(notice = page.querySelector<HTMLFormElement>("form[data-notice]")): Promise<void> {
  if (!notice) return;
  const answer = await ask<object>(notice.action, {});
  if (answer.kind !== "ok") return tell(answer);
  return refresh();
}

/** A form of the page's own use cases: what it holds goes as JSON, and the exam comes back as it is then. */
async function askFor(form: HTMLFormElement): Promise<void> {
  if (status.rights.edit && !(await keeper.flush())) return;
  const revision = form.hasAttribute("data-with-revision") ? { revision: keeper.currentRevision } : {};
  const answer = await ask<Status>(form.action, { ...Object.fromEntries(new FormData(form)), ...revision });
  if (answer.kind !== "ok") return tell(answer);
  shownHead = ""; // the form is done with
  show(answer.value);
  if (answer.value.rights.edit) editor.focus();
}

page.addEventListener("submit", (event) => {
  if (event.target instanceof HTMLFormElement && event.target.hasAttribute("data-ask")) {
    event.preventDefault();
    void askFor(event.target);
    return;
  }
  if (!(event.target instanceof HTMLFormElement) || !event.target.dataset.notice) return;
  event.preventDefault();
  void acknowledge(event.target);
});

async function applyTemplate(template: Template): Promise<void> {
  if (!(await keeper.flush())) return;
  editor.remember(template.name);
  const body = { template_id: template.id, revision: keeper.currentRevision };
  const answer = await ask<Saved & { content: Content; notReplaced: string[] }>(at.template, body);
  if (answer.kind !== "ok") return tell(answer);
  const { content, notReplaced } = answer.value;
  editor.write(content);
  keeper.replaced(answer.value);
  const kept = notReplaced.map((section) => editor.titleOf(section).toLowerCase()).join(", ");
  const text = kept ? phrase("template_kept", { name: template.name, sections: kept }) : phrase("template_done", { name: template.name });
  toast(text, "info", { label: phrase("undo"), run: undo });
  if (!editor.selectGap()) editor.focus();
}

function undo(): void {
  if (!status.rights.edit) return;
  if (editor.undo() === null) toast(phrase("nothing_to_undo"));
}

async function claimNext(): Promise<void> {
  if (status.rights.edit && !(await keeper.flush())) return;
  const answer = await ask<{ address: string | null }>(at.next, { after: examId });
  if (answer.kind !== "ok") return tell(answer);
  if (answer.value.address) location.assign(answer.value.address);
  else toast(phrase("none_waiting"));
}

/** Signs what is approved; a key that is locked is unlocked on its own page, in a window beside this one. */
async function signReport(): Promise<void> {
  if (!status.shows.sign) return toast(phrase("nothing_to_sign"), "error");
  const answer = await ask<object>(at.sign, {});
  if (answer.kind === "problem" && answer.problem.code === "QUANG-5502") {
    return toast(phrase("key_locked"), "error", { label: phrase("unlock_key"), run: () => window.open(at.signing, "quang-signing") });
  }
  if (answer.kind !== "ok") tell(answer);
  return refresh();
}

async function history(): Promise<void> {
  const panel = need("#history", HTMLElement);
  if (!panel.hidden) {
    panel.hidden = true;
    return;
  }
  panel.innerHTML = (await fragment(at.versions)) ?? phrase("fragment_failed");
  panel.hidden = false;
  panel.scrollIntoView({ block: "start" });
  panel.querySelector<HTMLElement>("h2")?.focus();
}

/** Two states of the history against each other, in its panel. */
async function compareStates(form: HTMLFormElement): Promise<void> {
  const [older, newer] = ["older", "newer"].map((name) => String(new FormData(form).get(name) ?? ""));
  const result = form.querySelector<HTMLElement>("[data-compared]");
  if (!result || !older || !newer) return;
  const query = new URLSearchParams({ older, newer });
  result.innerHTML = (await fragment(`${at.compare_states}?${query}`)) ?? phrase("fragment_failed");
}

need("#history", HTMLElement).addEventListener("change", (event) => {
  const form = event.target instanceof Element ? event.target.closest("form") : null;
  if (form) void compareStates(form);
});
need("#history", HTMLElement).addEventListener("click", (event) => {
  const button = event.target instanceof Element ? event.target.closest<HTMLElement>("[data-take-state]") : null;
  if (button) void keeper.flush().then(() => kept.offerState(button.dataset.takeState ?? "", button.dataset.at ?? ""));
});

async function preview(): Promise<void> {
  const opened = window.open("about:blank", "quang-preview");
  if (status.rights.edit) await keeper.flush();
  if (opened) opened.location.href = at.preview;
}

function toggleFocus(): void {
  if (images.hasFocus) editor.focus();
  else images.focus();
}

const actions: Record<string, () => void> = {
  claim: () => void act("claim"),
  release: () => void act("release"),
  amend: () => void act("amend"),
  approve_preliminary: () => void approval.approve("P", false),
  approve_final: () => void approval.approve("F", false),
  approve_corrected: () => void approval.approve("C", false),
  approve_next: () => void approval.approve("F", true),
  next: () => void claimNext(),
  sign: () => void signReport(),
  history: () => void history(),
  preview: () => void preview(),
  undo,
  snippets: () => snippets.toggle(),
  spelling: () => spelling.next(),
  dictate: () => dictation?.toggle(),
  larger: () => resize(1),
  smaller: () => resize(-1),
};

page.addEventListener("click", (event) => {
  const button = event.target instanceof Element ? event.target.closest<HTMLElement>("[data-action]") : null;
  const action = button && actions[button.dataset.action ?? ""];
  if (action) action();
});

const anywhere = { whileTyping: true };
registerKeys(
  { keys: ["F2"], label: phrase("key_template"), run: () => picker.toggle(), ...anywhere },
  { keys: ["F3"], label: phrase("key_snippets"), run: () => snippets.toggle(), ...anywhere },
  { keys: ["Shift+F6"], label: phrase("key_spelling"), run: () => spelling.next(), ...anywhere },
  { keys: ["Ctrl+F6"], label: phrase("key_spelling_toggle"), run: () => toast(phrase(spelling.toggle() ? "spelling_on" : "spelling_off")), ...anywhere },
  { keys: ["F4"], label: phrase("key_drawer"), run: () => drawer.toggle(), ...anywhere },
  { keys: ["F6"], label: phrase("key_image"), run: () => keyImages.chooseShown(), ...anywhere },
  { keys: ["F7"], label: phrase("key_next"), run: () => void claimNext(), ...anywhere },
  { keys: ["F8"], label: phrase("key_focus"), run: toggleFocus, ...anywhere },
  { keys: ["F9"], label: phrase("key_approve"), run: () => void approval.approve(status.rights.approve_corrected ? "C" : "F", false), ...anywhere },
  { keys: ["F10"], label: phrase("key_approve_next"), run: () => void approval.approve(status.rights.approve_corrected ? "C" : "F", true), ...anywhere },
  { keys: ["Shift+F9"], label: phrase("key_preliminary"), run: () => void approval.approve("P", false), ...anywhere },
  { keys: ["n"], label: phrase("key_notice"), run: () => void acknowledge() },
  { keys: ["k"], label: phrase("key_sign"), run: () => void signReport() },
  { keys: ["c"], label: phrase("key_claim"), run: () => void act("claim") },
  { keys: ["p"], label: phrase("key_preview"), run: () => void preview() },
  { keys: ["h"], label: phrase("key_history"), run: () => void history() },
  { keys: ["o"], label: phrase("key_pop_out"), run: () => images.popOut() },
  { keys: ["Ctrl+S"], label: phrase("key_save"), run: () => void keeper.flush(), ...anywhere },
);

if (dictation) registerKeys({ keys: ["F1"], label: phrase("key_dictate"), run: () => dictation.toggle(), ...anywhere });

const SIZES = ["small", "medium", "large"];
function resize(step: number): void {
  const now = Math.max(0, SIZES.indexOf(page.dataset.text ?? "medium"));
  page.dataset.text = SIZES[Math.min(SIZES.length - 1, Math.max(0, now + step))];
  localStorage.setItem("quang-reading-text", page.dataset.text ?? "medium");
}
page.dataset.text = localStorage.getItem("quang-reading-text") ?? "medium";

// leaving: one last save that the browser finishes after the page is gone; it asks only when that cannot work
addEventListener("pagehide", () => {
  dictation?.stop();
  void keeper.flush(true);
});
document.addEventListener("visibilitychange", () => {
  if (document.visibilityState === "hidden") void keeper.flush();
});
page.addEventListener("focusout", (event) => {
  if (event.target instanceof HTMLTextAreaElement) void keeper.flush();
});
addEventListener("beforeunload", (event) => {
  if (keeper.unsaved && (keeper.blocked || !navigator.onLine) && !leaving) event.preventDefault();
});
addEventListener("online", () => void keeper.flush());

// live: the exam itself, its images, its deliveries
let waiting: ReturnType<typeof setTimeout> | undefined;
function soon(): void {
  clearTimeout(waiting);
  waiting = setTimeout(() => void refresh(), 250);
}
document.addEventListener("quang:change", (event) => {
  const { topic, id } = (event as CustomEvent<{ topic: string; id: number }>).detail;
  if ((topic === "exam" && id === examId) || topic === "study" || topic === "delivery") soon();
});
document.addEventListener("quang:resync", soon);

wireSplitter(page, need("#splitter", HTMLElement));
if (status.rights.edit) sign.show({ state: "saved", savedAt: status.savedAt, retryInSeconds: 0, detail: "" });
show(status);
setTimeout(soon, 600); // the page before may have saved its last words while this one was being made
if (status.rights.edit) editor.focus("findings");
if (page.hasAttribute("data-reads")) void openLocalKeep();
