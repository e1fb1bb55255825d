// Last words come back as they were written, or not at all. Run by `node --test` (ris_webapp/tests/test_front_end.py).
import assert from "node:assert/strict";
import { test } from "node:test";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import * as esbuild from "esbuild";

const here = dirname(fileURLToPath(import.meta.url));
const { LastWords } = await bundled("last-words.ts");
const { tagOf } = await bundled("one-time-tag.ts");

async function bundled(name) {
  const { outputFiles } = await esbuild.build({ entryPoints: [join(here, name)], bundle: true, write: false, format: "esm", target: "es2022" });
  return import(`data:text/javascript;base64,${Buffer.from(outputFiles[0].contents).toString("base64")}`);
}

/** As a browser's: its own keys are the names that are kept. */
class Storage {
  getItem(name) {
    return this[name] ?? null;
  }
  setItem(name, text) {
    this[name] = text;
  }
  removeItem(name) {
    delete this[name];
  }
}

const NAME = "quang.last-words.window-1";
const WORDS = { sections: [{ code: "findings", text: "Gan không to, nang gan phải 12 mm." }] };

async function written() {
  globalThis.localStorage = new Storage();
  const key = await crypto.subtle.generateKey({ name: "AES-GCM", length: 256 }, false, ["encrypt"]);
  new LastWords(key, 7, "window-1", 42).note(3, WORDS);
  while (!localStorage.getItem(NAME)) await new Promise((go) => setTimeout(go, 1)); // the first stream is being made
  return { key, reader: new LastWords(key, 7, "window-2", 42) };
}

const changed = (change) => {
  const line = JSON.parse(localStorage.getItem(NAME));
  change(line);
  localStorage.setItem(NAME, JSON.stringify(line));
};

const flipped = (text, place) => {
  const bytes = Buffer.from(text, "base64");
  bytes[place] ^= 1;
  return bytes.toString("base64");
};

test("the tag is Poly1305 (RFC 8439 2.5.2, A.3 test vector 7)", () => {
  const key = Buffer.from("85d6be7857556d337f4452fe42d506a80103808afb0db2fd4abff6af4149f51b", "hex");
  assert.equal(Buffer.from(tagOf(Buffer.from("Cryptographic Forum Research Group"), key)).toString("hex"), "a8061dc1305136c6c22b8baf0c0127a9");
  const carrying = Buffer.alloc(32);
  carrying[0] = 2;
  assert.equal(Buffer.from(tagOf(Buffer.alloc(16, 0xff), carrying)).toString("hex"), "03" + "00".repeat(15));
});

test("what was typed comes back, and lies there sealed", async () => {
  const { reader } = await written();
  const [last] = await reader.left();
  assert.deepEqual([last.window, last.exam, last.revision, last.content], ["window-1", 42, 3, WORDS]);
  assert.ok(!localStorage.getItem(NAME).includes("Gan"));
});

test("what is not as it was written is not offered", async () => {
  const changes = {
    "a letter of the words": (line) => (line.sealed = flipped(line.sealed, 50)),
    "the end of the words": (line) => (line.sealed = line.sealed.slice(0, -8)),
    "the exam": (line) => (line.exam = 43),
    "the draft": (line) => (line.revision = 4),
    "the moment": (line) => (line.at += 1),
    "the stream": (line) => (line.iv = flipped(line.iv, 0)),
    "the tag": (line) => (line.tag = flipped(line.tag, 15)),
    "no tag": (line) => delete line.tag,
    "no base64": (line) => (line.sealed = "ô"),
  };
  for (const [what, change] of Object.entries(changes)) {
    const { reader } = await written();
    changed(change);
    assert.deepEqual(await reader.left(), [], what);
  }
});

test("words of another window, user or key are not offered in its place", async () => {
  const { reader } = await written();
  localStorage.setItem("quang.last-words.window-3", localStorage.getItem(NAME));
  assert.deepEqual((await reader.left()).map((last) => last.window), ["window-1"]);
  const other = await crypto.subtle.generateKey({ name: "AES-GCM", length: 256 }, false, ["encrypt"]);
  assert.deepEqual(await new LastWords(other, 7, "window-2", 42).left(), []);
  assert.deepEqual(await new LastWords(other, 8, "window-2", 42).left(), []);
});

test("what cannot be read at all harms nobody and is forgotten", async () => {
  const { reader } = await written();
  for (const text of ["", "{", "null", "[]", "7", '{"at":"soon"}']) localStorage.setItem(NAME, text);
  localStorage.setItem("quang.last-words.window-4", "{");
  localStorage.setItem("quang.last-words.window-5", '{"owner":7,"at":"soon"}');
  assert.deepEqual(await reader.left(), []);
  LastWords.forgetOld(1);
  assert.equal(LastWords.any(), false);
});
