// Images on a telephone: one series at a time as JPEG made by the server, under the viewer's grants.
import { tellOfUse } from "../js/in-use";
import { say } from "../js/words";
import { framesOf, markOf, picture, Refused, seriesOf, studiesOf, type Frame, type Mark, type Series, type Study, type Window } from "./dicomweb";
import { Touch } from "./touch";

const QUALITY = 70;
const SHARP_QUALITY = 92;
const SHARP_SCALE = 1.6;
const AHEAD = 3;
const PRESETS: Record<string, readonly [string, Window][]> = {
  CT: [
    ["window_own", null],
    ["window_lung", [-600, 1500]],
    ["window_mediastinum", [40, 400]],
    ["window_abdomen", [50, 350]],
    ["window_brain", [40, 80]],
    ["window_bone", [500, 2000]],
  ],
};

const part = <T extends HTMLElement>(id: string): T => {
  const found = document.getElementById(id);
  if (!found) throw new Error(`the page lacks #${id}`);
  return found as T;
};

const stage = part("stage");
const image = part<HTMLImageElement>("picture");
const told = part("told");
const slider = part<HTMLInputElement>("slider");
const query = new URLSearchParams(location.search);

let studies: Study[] = [];
let opening: Series | null = null;
let frames: Frame[] = [];
let modality = "";
let at = 0;
let shownWindow: Window = null;
let sharp = false;
let marks: Mark[] = [];

const touch = new Touch(stage, image, (by) => go(at + by), (scale) => {
  if (scale >= SHARP_SCALE && !sharp) {
    sharp = true;
    show();
  }
});

function go(to: number): void {
  const bounded = Math.min(frames.length - 1, Math.max(0, to));
  if (bounded === at || !frames.length) return;
  at = bounded;
  sharp = false;
  show();
}

function address(index: number): string {
  const frame = frames[index];
  if (!frame) return "";
  const pixels = Math.min(sharp ? 2048 : 1024, Math.ceil(Math.max(stage.clientWidth, stage.clientHeight) * devicePixelRatio * (sharp ? 2 : 1)));
  return picture(frame, pixels, sharp ? SHARP_QUALITY : QUALITY, shownWindow);
}

function show(): void {
  const frame = frames[at];
  slider.max = String(Math.max(1, frames.length));
  slider.value = String(at + 1);
  part("count").textContent = frames.length ? `${at + 1}/${frames.length}` : "–";
  part("quality").textContent = `${sharp ? SHARP_QUALITY : QUALITY}%`;
  stage.querySelector("video")?.remove();
  stage.querySelector(".mark")?.remove();
  tell("");
  image.hidden = frame?.kind !== "frames";
  part("lossy").hidden = image.hidden;
  if (!frame) return tell(say("empty"));
  if (frame.kind === "video") return onlyPictures() ? tell(say("not_drawn")) : showVideo(frame);
  if (frame.kind === "document") return tell(say("document"), frame.address);
  if (frame.kind === "other") return tell(say("not_drawn"));
  image.src = address(at);
  for (let next = 1; next <= AHEAD; next += 1) {
    for (const index of [at + next, at - next]) if (frames[index]?.kind === "frames" && !sharp) new Image().src = address(index);
  }
}

function showVideo(frame: Frame): void {
  const video = document.createElement("video");
  video.controls = true;
  video.playsInline = true;
  video.src = frame.address;
  stage.append(video);
  overlay();
}

function onlyPictures(): boolean {
  return marks.some((mark) => mark.pictures_only);
}

/** Over a video, whose pixels come as they are stored; pictures have the words in them. */
function overlay(): void {
  const lines = marks.find((mark) => mark.lines.length)?.lines ?? [];
  stage.querySelector(".mark")?.remove();
  if (!lines.length) return;
  const over = document.createElement("div");
  over.className = "mark";
  over.setAttribute("aria-hidden", "true");
  for (let block = 0; block < 12; block += 1) {
    const words = document.createElement("p");
    words.append(...lines.flatMap((line, at) => (at ? [document.createElement("br"), line] : [line])));
    over.append(words);
  }
  stage.append(over);
}

function tell(text: string, link = ""): void {
  told.textContent = link ? "" : text;
  if (!link) return;
  const anchor = document.createElement("a");
  anchor.href = link;
  anchor.target = "_blank";
  anchor.rel = "noopener";
  anchor.textContent = text;
  told.append(anchor);
}

function offerWindows(): void {
  const offered = PRESETS[modality] ?? [];
  part("windows").replaceChildren(
    ...offered.map(([name, window]) => {
      const button = document.createElement("button");
      button.type = "button";
      button.textContent = say(name);
      button.setAttribute("aria-pressed", String(window === shownWindow));
      button.addEventListener("click", () => {
        shownWindow = window;
        offerWindows();
        show();
      });
      return button;
    }),
  );
}

async function open(series: Series, chosen: HTMLElement): Promise<void> {
  for (const each of document.querySelectorAll("#series button")) each.setAttribute("aria-pressed", String(each === chosen));
  opening = series;
  frames = [];
  image.removeAttribute("src"); // nothing of the series before stays under this one's name
  image.hidden = true;
  stage.querySelector("video")?.remove();
  tell("");
  tellWhose(series.study);
  await trying(async () => {
    const found = await framesOf(series);
    if (opening !== series) return; // another one was chosen meanwhile
    frames = found;
    modality = series.modality;
    at = series.modality === "CT" || series.modality === "MR" ? Math.floor(frames.length / 2) : 0;
    shownWindow = null;
    sharp = false;
    touch.reset();
    offerWindows();
    show();
  });
}

/** The person and the exam of what is shown: a link may open earlier exams beside it. */
function tellWhose(uid: string): void {
  const study = studies.find((each) => each.uid === uid);
  part("who").textContent = study?.patient ?? "";
  part("what").textContent = [study?.date, study?.description].filter(Boolean).join(" · ");
}

function listed(series: Series): HTMLElement {
  const item = document.createElement("li");
  const button = document.createElement("button");
  button.type = "button";
  const thumbnail = document.createElement("img");
  thumbnail.alt = "";
  thumbnail.loading = "lazy";
  thumbnail.src = `/dicom-web/studies/${series.study}/series/${series.uid}/thumbnail?viewport=96,96`;
  thumbnail.addEventListener("error", () => thumbnail.remove());
  const name = document.createElement("span");
  name.textContent = [series.modality, series.description].filter(Boolean).join(" · ");
  const count = document.createElement("small");
  count.textContent = `${series.instances} ${say("images")}`;
  button.append(thumbnail, name, count);
  button.addEventListener("click", () => void open(series, button));
  item.append(button);
  return item;
}

async function begin(): Promise<void> {
  const uids = (query.get("StudyInstanceUIDs") ?? "").split(",").filter((uid) => /^[0-9.]{1,64}$/.test(uid));
  await trying(async () => {
    studies = uids.length ? await studiesOf(uids) : [];
    const [first] = studies;
    if (!first) throw new Refused();
    tellWhose(first.uid);
    const [marked, listing] = await Promise.all([
      Promise.all(studies.map((study) => markOf(study.uid))),
      Promise.all(studies.map((study) => seriesOf(study.uid))),
    ]);
    marks = marked;
    part("full").hidden = onlyPictures();
    const series = listing.flat();
    const items = series.map(listed);
    part("series").replaceChildren(...items);
    const wanted = series.findIndex((each) => !["SR", "KO", "PR", "SEG", "DOC"].includes(each.modality));
    const button = items[Math.max(0, wanted)]?.querySelector("button");
    const opened = series[Math.max(0, wanted)];
    if (button && opened) await open(opened, button);
    else show();
  });
}

async function trying(what: () => Promise<void>): Promise<void> {
  try {
    await what();
  } catch (error) {
    part("lossy").hidden = image.hidden = true;
    tell(say(error instanceof Refused ? "refused" : "unreachable"));
    if (!(error instanceof Refused)) stage.addEventListener("click", () => void begin(), { once: true });
  }
}

image.addEventListener("error", () => {
  const failed = image.src;
  image.hidden = true;
  void trying(async () => {
    const answer = await fetch(failed, { cache: "no-store" });
    if (answer.status === 401 || answer.status === 403) throw new Refused();
    if (image.src === failed) tell(say("no_picture"));
  });
});
slider.addEventListener("input", () => go(Number(slider.value) - 1));
part("before").addEventListener("click", () => go(at - 1));
part("after").addEventListener("click", () => go(at + 1));
stage.addEventListener("keydown", (event) => {
  const by = { ArrowDown: 1, ArrowRight: 1, ArrowUp: -1, ArrowLeft: -1, PageDown: 10, PageUp: -10 }[event.key];
  if (by) {
    event.preventDefault();
    go(at + by);
  }
});
const digits = query.get("report") ?? "";
if (/^[0-9a-f]{12}$/.test(digits)) {
  part<HTMLAnchorElement>("report").href = `/open/report/${digits}`;
  part("report").hidden = false;
}
part<HTMLAnchorElement>("full").href = `/viewer/viewer${location.search}&full=1`;
tellOfUse();
void begin();
