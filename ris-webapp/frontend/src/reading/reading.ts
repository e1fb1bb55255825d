// The reading page: images left, report right, order and priors in a drawer. Nothing here is modal.
import { Looks } from "../js/looks";
import { toast } from "../js/toast";
import { Approval } from "./approval";
import { wireCommands } from "./commands";
import { ConflictPanel } from "./conflict";
import type { Content } from "./content";
import { Dictation } from "./dictation";
import { DraftKeeper, type Outcome, type Saved, type Theirs } from "./draft";
import { Drawer } from "./drawer";
import { Editor } from "./editor";
import { data, need } from "./found";
import { History } from "./history";
import { ImagesPane } from "./images-pane";
import { KeptWords } from "./kept-words";
import { KeyImages } from "./key-images";
import { saveWhenLeaving } from "./last-save";
import { LocalKeep } from "./local-keep";
import { phrase } from "./phrase";
import { SavingSign } from "./saving";
import { ask, renewCsrfToken, type Answer } from "./server";
import { Snippets, type Snippet } from "./snippets";
import { Spelling } from "./spelling";
import { wireSplitter } from "./splitter";
import type { ReadingAddresses, Status } from "./status";
import { TemplatePicker, type Template } from "./templates";
import { resize, restoreSize } from "./text-size";

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
const history = new History(at.versions, at.compare_states, (address, time) => void keeper.flush().then(() => kept.offerState(address, time)));
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
    looks.soon(); // asked for before the last save and answered after it: it would put old text into the editor
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

let acted = 0; // how often the server has answered to what was done here

const looks = new Looks(async () => {
  const before = acted;
  const answer = await ask<Status>(at.status);
  if (answer.kind !== "ok") return;
  if (acted === before) show(answer.value);
  else looks.soon(); // asked for before something was done and answered after it: it would take back what was done
}, 250);

function refresh(): Promise<void> {
  return looks.now();
}

/** The exam as it is after what was done here. */
function showDone(next: Status): void {
  acted += 1;
  show(next);
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
  showDone(answer.value);
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
  showDone(answer.value);
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

async function preview(): Promise<void> {
  const opened = window.open("about:blank", "quang-preview");
  if (status.rights.edit) await keeper.flush();
  if (opened) opened.location.href = at.preview;
}

function toggleFocus(): void {
  if (images.hasFocus) editor.focus();
  else images.focus();
}

wireCommands(
  page,
  {
    claim: () => act("claim"),
    release: () => act("release"),
    amend: () => act("amend"),
    approve_preliminary: () => approval.approve("P", false),
    approve_final: () => approval.approve("F", false),
    approve_corrected: () => approval.approve("C", false),
    approve_next: () => approval.approve("F", true),
    approve: () => approval.approve(status.rights.approve_corrected ? "C" : "F", false),
    approve_in_turn: () => approval.approve(status.rights.approve_corrected ? "C" : "F", true),
    next: claimNext,
    sign: signReport,
    history: () => history.toggle(),
    preview,
    undo,
    template: () => picker.toggle(),
    snippets: () => snippets.toggle(),
    spelling: () => spelling.next(),
    spelling_toggle: () => toast(phrase(spelling.toggle() ? "spelling_on" : "spelling_off")),
    dictate: () => dictation?.toggle(),
    drawer: () => drawer.toggle(),
    image: () => keyImages.chooseShown(),
    focus: toggleFocus,
    notice: () => acknowledge(),
    pop_out: () => images.popOut(),
    save: () => keeper.flush(),
    larger: () => resize(page, 1),
    smaller: () => resize(page, -1),
  },
  dictation !== null,
);
restoreSize(page);
saveWhenLeaving(page, keeper, () => leaving, () => dictation?.stop());

// live: the exam itself, its images, its deliveries
document.addEventListener("quang:change", (event) => {
  const { topic, id } = (event as CustomEvent<{ topic: string; id: number }>).detail;
  if ((topic === "exam" && id === examId) || topic === "study" || topic === "delivery") looks.soon();
});
document.addEventListener("quang:resync", () => looks.soon());

wireSplitter(page, need("#splitter", HTMLElement));
if (status.rights.edit) sign.show({ state: "saved", savedAt: status.savedAt, retryInSeconds: 0, detail: "" });
show(status);
setTimeout(() => looks.soon(), 600); // the page before may have saved its last words while this one was being made
if (status.rights.edit) editor.focus("findings");
if (page.hasAttribute("data-reads")) void openLocalKeep();
