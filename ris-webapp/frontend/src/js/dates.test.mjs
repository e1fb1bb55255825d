// Dates as Vietnamese readers write them, whatever the browser's language. Run by `node --test` (ris_webapp/tests/test_front_end.py).
import assert from "node:assert/strict";
import { test } from "node:test";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import * as esbuild from "esbuild";

const here = dirname(fileURLToPath(import.meta.url));
const { outputFiles } = await esbuild.build({ entryPoints: [join(here, "dates.ts")], bundle: true, write: false, format: "esm", target: "es2022" });
const { inWords } = await import(`data:text/javascript;base64,${Buffer.from(outputFiles[0].contents).toString("base64")}`);

test("a day has its weekday, day before month", () => {
  assert.equal(inWords("2026-12-31", "vi"), "Thứ 5, 31/12/2026");
  assert.equal(inWords("2026-12-31", "en"), "Thu, 31/12/2026");
});

test("a moment has its time by the 24-hour clock", () => {
  assert.equal(inWords("2026-02-01T23:05", "vi"), "01/02/2026 23:05");
  assert.equal(inWords("2026-02-01T00:05:30", "en"), "01/02/2026 00:05");
});

test("what is not entered yet is nothing", () => {
  for (const value of ["", "2026-12", "31/12/2026"]) assert.equal(inWords(value, "vi"), "");
});
