// One's own words are never taken for another window's. Run by `node --test` (ris_webapp/tests/test_front_end.py).
import assert from "node:assert/strict";
import { mock, test } from "node:test";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import * as esbuild from "esbuild";

const here = dirname(fileURLToPath(import.meta.url));
const { outputFiles } = await esbuild.build({ entryPoints: [join(here, "draft.ts")], bundle: true, write: false, format: "esm", target: "es2022" });
const { DraftKeeper } = await import(`data:text/javascript;base64,${Buffer.from(outputFiles[0].contents).toString("base64")}`);

const words = (findings, conclusion = "") => ({
  sections: [
    { code: "findings", blocks: [{ type: "text", text: findings }] },
    { code: "conclusion", blocks: [{ type: "text", text: conclusion }] },
  ],
});

/** A server that keeps one draft; `answers` are how it treats each save: it keeps it or not, and is heard or not. */
class Server {
  constructor(...answers) {
    this.draft = { revision: 1, content: words("") };
    this.answers = answers;
  }

  save(revision, content) {
    const how = this.answers.shift() ?? "kept";
    if (how === "lost") return { kind: "unreachable" };
    if (revision !== this.draft.revision) {
      return { kind: "conflict", theirs: { ...this.draft, savedAt: "", texts: {}, differences: [] } };
    }
    this.draft = { revision: revision + 1, content };
    return how === "kept" ? { kind: "saved", saved: { revision: revision + 1, savedAt: "" } } : { kind: "unreachable" };
  }
}

async function typed(server, ...contents) {
  mock.timers.enable({ apis: ["setTimeout", "Date"] });
  try {
    let now = words("");
    const states = [];
    const keeper = new DraftKeeper(() => now, async (...asked) => server.save(...asked), (report) => states.push(report.state), 1, "");
    for (const content of contents) {
      if (typeof content === "function") {
        content();
        continue;
      }
      now = content;
      keeper.edited();
      await keeper.flush();
    }
    for (let minute = 0; minute < 20 && keeper.unsaved && !keeper.blocked; minute += 1) {
      mock.timers.tick(60_000);
      await keeper.flush();
    }
    return states;
  } finally {
    mock.timers.reset();
  }
}

test("a save whose answer was lost is known again, whatever was tried after it", async () => {
  const server = new Server("unheard", "lost", "lost");
  const states = await typed(server, words("Gan to."), words("Gan to.", "Theo"), words("Gan to.", "Theo dõi."));
  assert.ok(!states.includes("conflict"));
  assert.equal(states.at(-1), "saved");
  assert.deepEqual(server.draft.content, words("Gan to.", "Theo dõi."));
});

test("another window's words are a conflict, however many of one's own were lost", async () => {
  const server = new Server("lost", "lost");
  server.draft = { revision: 2, content: words("Lách to.") };
  const states = await typed(server, words("Gan to."), words("Gan to.", "Theo dõi."));
  assert.equal(states.at(-1), "conflict");
  assert.deepEqual(server.draft.content, words("Lách to."));
});

test("one's own words that another has brought back later are a conflict", async () => {
  const server = new Server("unheard", "lost", "lost");
  const states = await typed(
    server,
    words("Gan to."),
    words("Gan to.", "Theo dõi."),
    () => (server.draft = { revision: server.draft.revision + 2, content: words("Gan to.") }),
  );
  assert.equal(states.at(-1), "conflict");
  assert.deepEqual(server.draft.content, words("Gan to."));
});
