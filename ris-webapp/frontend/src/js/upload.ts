// Sends chosen or dropped files piece by piece; what broke off goes on from what the server has.
import { post } from "./post";
import { say } from "./words";

const drop = document.getElementById("drop") as HTMLElement;
const told = document.getElementById("upload-told") as HTMLElement;
const sent = document.getElementById("sent") as HTMLProgressElement;
const TRIES = 8;
/** Bytes: the identifiers of an image lie within; those of the image of a disc behind 32 KiB. */
const BEGINNING = 4096;
const LONG_BEGINNING = 65_536;
const LARGE = 8_388_608;
const waiting: File[] = [];
let busy = false;

const token = (): string => (JSON.parse(document.body.getAttribute("hx-headers") ?? "{}") as Record<string, string>)["X-CSRFToken"] ?? "";
const pause = (seconds: number): Promise<void> => new Promise((done) => setTimeout(done, seconds * 1000));

/** How much of the file the server has after this piece; nothing when it could not be reached or refused. */
async function sendPiece(address: string, file: File, from: number, length: number): Promise<number | undefined> {
  try {
    const answer = await fetch(`${address}?offset=${from}`, {
      method: "POST",
      body: file.slice(from, from + length),
      headers: { "X-CSRFToken": token(), "Content-Type": "application/octet-stream", Accept: "application/json" },
    });
    if (answer.ok || answer.status === 409) return ((await answer.json()) as { there?: number }).there;
  } catch {
    return undefined;
  }
  return undefined;
}

/** By which the server knows a file that broke off from another one of the same name and size; in base64. */
async function beginningOf(file: File): Promise<string> {
  try {
    const bytes = new Uint8Array(await file.slice(0, file.size > LARGE ? LONG_BEGINNING : BEGINNING).arrayBuffer());
    return btoa(Array.from(bytes, (byte) => String.fromCharCode(byte)).join(""));
  } catch {
    return ""; // it cannot be read: sending it says so
  }
}

async function sendFile(file: File): Promise<boolean> {
  const begun = await post(drop.dataset.add ?? "", { name: file.name, size: String(file.size), beginning: await beginningOf(file) });
  if (!begun) return false;
  const address = `${drop.dataset.add}/${String(begun.number)}`;
  let there = Number(begun.there);
  let failures = 0;
  while (there < file.size) {
    const now = await sendPiece(address, file, there, Number(begun.piece));
    if (now === undefined) {
      if (++failures > TRIES) return false;
      told.textContent = say("broken");
      await pause(failures);
      continue;
    }
    failures = 0;
    there = now;
    sent.value = (100 * there) / file.size;
    told.textContent = say("sending").replace("{name}", file.name);
  }
  return true;
}

async function sendAll(files: Iterable<File>): Promise<void> {
  waiting.push(...[...files].filter((file) => file.size > 0));
  if (busy) return;
  busy = true;
  sent.hidden = false;
  const finish = document.getElementById("finish-button") as HTMLButtonElement;
  finish.disabled = true;
  const failed: string[] = [];
  for (let file = waiting.shift(); file; file = waiting.shift()) if (!(await sendFile(file))) failed.push(file.name);
  told.textContent = failed.length ? say("stopped").replace("{name}", failed.join(", ")) : say("done");
  finish.hidden = false;
  finish.disabled = false;
  busy = false;
  finish.focus();
}

for (const id of ["files", "folder"]) {
  const input = document.getElementById(id) as HTMLInputElement;
  input.addEventListener("change", () => {
    void sendAll(input.files ?? []);
  });
}
drop.addEventListener("dragover", (event) => event.preventDefault());
drop.addEventListener("drop", (event) => {
  event.preventDefault();
  void sendAll(event.dataTransfer?.files ?? []);
});
window.addEventListener("beforeunload", (event) => {
  if (busy) event.preventDefault();
});
