// Live changes over server-sent events, shared by all screens. Each message becomes a DOM event `quang:change`
// on document with what changed (no patient data travels here); the dot in the top bar shows the connection.

import { say } from "./words";

/** One change: the topic's row `id`; for exams also what lists filter by (see ris_webapp/events.py). */
export interface Change {
  topic: string;
  id: number;
  exam_state?: string;
  modality?: string;
  priority?: string;
  urgency?: number;
  due_at?: number;
  scheduled_at?: number;
  is_new?: boolean;
}

type State = "on" | "retry" | "lost" | "off";
const LOST_AFTER_MS = 20_000;
const STALE_AFTER_MS = 45_000;

let heardAt = 0;
let downSince = 0;

function show(state: State): void {
  const dot = document.getElementById("live");
  if (!dot || dot.dataset.state === state) return;
  dot.dataset.state = state;
  const text = { on: say("live"), retry: say("connecting"), lost: say("offline"), off: say("connecting") }[state];
  dot.querySelector("span")?.replaceChildren(text);
}

function tell(name: string, detail: unknown): void {
  document.dispatchEvent(new CustomEvent(name, { detail }));
}

/** Connect and stay connected; a page that is hidden keeps its connection, the browser suspends it when it must. */
export function connectLive(): void {
  const address = document.getElementById("live")?.dataset.events;
  if (!address) return;
  let source: EventSource;
  const open = () => {
    source = new EventSource(address);
    source.addEventListener("open", () => {
      heardAt = Date.now();
      downSince = 0;
      show("on");
    });
    source.addEventListener("beat", () => (heardAt = Date.now()));
    source.addEventListener("change", (event) => {
      heardAt = Date.now();
      for (const change of JSON.parse((event as MessageEvent<string>).data) as Change[]) tell("quang:change", change);
      tell("quang:changes-end", null);
    });
    source.addEventListener("resync", () => tell("quang:resync", null));
    source.addEventListener("error", () => {
      downSince ||= Date.now();
      show(Date.now() - downSince > LOST_AFTER_MS ? "lost" : "retry");
    });
  };
  open();
  setInterval(() => {
    // A proxy may hold a dead connection open, and the browser gives up after an answer that is no event stream.
    if (source.readyState === EventSource.CLOSED || (heardAt && Date.now() - heardAt > STALE_AFTER_MS)) {
      source.close();
      downSince ||= Date.now();
      show(Date.now() - downSince > LOST_AFTER_MS ? "lost" : "retry");
      heardAt = 0;
      open();
    }
  }, 5000);
}
