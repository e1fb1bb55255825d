// An older look never covers a newer one, and none is lost. Run by `node --test` (ris_webapp/tests/test_front_end.py).
import assert from "node:assert/strict";
import { test } from "node:test";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import * as esbuild from "esbuild";

const here = dirname(fileURLToPath(import.meta.url));
const { outputFiles } = await esbuild.build({ entryPoints: [join(here, "looks.ts")], bundle: true, write: false, format: "esm", target: "es2022" });
const { Looks } = await import(`data:text/javascript;base64,${Buffer.from(outputFiles[0].contents).toString("base64")}`);

const PAUSE_MS = 20;

/** A server whose state is read when a look begins and answered when `answer` is called. */
function server() {
  const found = { state: 0, shown: [], waiting: [] };
  found.looks = new Looks(async () => {
    const state = found.state;
    await new Promise((resolve, reject) => found.waiting.push({ resolve, reject }));
    found.shown.push(state);
  }, PAUSE_MS);
  found.answer = async (how = "resolve") => {
    found.waiting.shift()[how]?.();
    for (let turn = 0; turn < 10; turn += 1) await null;
  };
  return found;
}

test("what changes during a look is seen by the one look that follows it", async () => {
  const at = server();
  void at.looks.now();
  at.state = 1;
  const [one, other] = [at.looks.now(), at.looks.now()];
  assert.equal(at.waiting.length, 1);
  await at.answer();
  assert.equal(at.waiting.length, 1);
  await at.answer();
  await Promise.all([one, other]);
  assert.deepEqual(at.shown, [0, 1]);
  assert.equal(at.waiting.length, 0);
});

test("changes without end do not put a look off", async () => {
  const at = server();
  const until = Date.now() + 10_000;
  while (!at.waiting.length && Date.now() < until) {
    at.looks.soon();
    await new Promise((go) => setTimeout(go, PAUSE_MS / 4));
  }
  assert.equal(at.waiting.length, 1);
});

test("a look at once is also the one that was due", async () => {
  const at = server();
  at.looks.soon();
  void at.looks.now();
  await at.answer();
  await new Promise((go) => setTimeout(go, PAUSE_MS * 3));
  assert.equal(at.waiting.length, 0);
  assert.deepEqual(at.shown, [0]);
});

test("a look that fails is told to who asked for it, and the next one is made", async () => {
  const at = server();
  const failing = assert.rejects(at.looks.now());
  const next = at.looks.now();
  at.waiting.shift().reject(new Error("away"));
  await failing;
  for (let turn = 0; turn < 10; turn += 1) await null;
  await at.answer();
  await next;
  assert.deepEqual(at.shown, [0]);
});
