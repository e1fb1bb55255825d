// The popped-out window with the images: follows the reading page, and tells it when it is closed.
import { CHANNEL, type Word } from "./viewer";

const channel = new BroadcastChannel(CHANNEL);
const address = location.pathname + location.search;

channel.addEventListener("message", (event: MessageEvent<Word>) => {
  const word = event.data;
  if (word.say === "who") channel.postMessage({ say: "here", address } satisfies Word);
  if (word.say === "show") {
    const target = new URL(word.address, location.origin);
    // only ever another exam's window of this site, whoever posts
    if (target.origin !== location.origin || !/^\/exams\/\d+\/images\/$/.test(target.pathname)) return;
    if (target.pathname + target.search !== address) location.replace(target);
    else document.querySelector<HTMLIFrameElement>("iframe")?.contentWindow?.location.reload();
  }
});
channel.postMessage({ say: "here", address } satisfies Word);
addEventListener("pagehide", () => channel.postMessage({ say: "closed" } satisfies Word));
