// Builds everything a browser loads from /static/ into dist/: scripts, styles with their fonts, one sprite of icons,
// and manifest.json, which maps the names that templates use to the hashed names of the files.
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { basename, dirname, join, relative } from "node:path";
import { fileURLToPath } from "node:url";
import * as esbuild from "esbuild";
import { ICONS } from "./icons.mjs";

const root = dirname(fileURLToPath(import.meta.url));
const dist = join(root, "dist");
const ENTRIES = ["src/js/shell.ts", "src/js/worklist.ts", "src/reading/reading.ts", "src/reading/images-window.ts", "src/js/template-designer.ts", "src/js/print-layout.ts", "src/js/queue.ts", "src/js/share.ts", "src/js/teaching.ts", "src/js/upload.ts", "src/js/security-keys.ts", "src/js/portal.ts", "src/css/portal-slip.css", "src/js/unmatched.ts", "src/js/slip.ts", "src/js/tag-rules.ts", "src/phone/phone.ts", "src/phone/phone.css", "src/css/quang.css", "src/reading/reading.css"];

function sprite() {
  const symbols = ICONS.map((name) => {
    const source = readFileSync(join(root, "node_modules/@tabler/icons/icons/outline", `${name}.svg`), "utf8");
    const drawing = source.replace(/<!--[\s\S]*?-->/g, "").match(/<svg[^>]*>([\s\S]*)<\/svg>/)[1].replace(/\s*\n\s*/g, "");
    return `<symbol id="${name}" viewBox="0 0 24 24" fill="none" stroke="currentColor" stroke-width="1.75" stroke-linecap="round" stroke-linejoin="round">${drawing}</symbol>`;
  });
  return `<svg xmlns="http://www.w3.org/2000/svg">${symbols.join("")}</svg>\n`;
}

function write(result) {
  const manifest = {};
  for (const [path, output] of Object.entries(result.metafile.outputs)) {
    if (!output.entryPoint) continue;
    manifest[basename(output.entryPoint).replace(/\.ts$/, ".js")] = relative("dist", path);
  }
  const drawing = sprite();
  const name = `icons-${createHash("sha256").update(drawing).digest("hex").slice(0, 8).toUpperCase()}.svg`;
  writeFileSync(join(dist, name), drawing);
  manifest["icons.svg"] = name;
  writeFileSync(join(dist, "manifest.json"), JSON.stringify(manifest, null, 1) + "\n");
}

// dark.css is written for data-theme="dark"; a user who leaves the theme to the system gets the same by media query.
const dark = {
  name: "dark",
  setup: (build) =>
    build.onLoad({ filter: /css[\\/]dark\.css$/ }, ({ path }) => {
      const rules = readFileSync(path, "utf8");
      const automatic = rules.replaceAll('data-theme="dark"', 'data-theme="auto"');
      return { contents: `${rules}\n@media (prefers-color-scheme: dark) {\n${automatic}\n}`, loader: "css" };
    }),
};

const options = {
  absWorkingDir: root,
  entryPoints: ENTRIES.filter((entry) => existsSync(join(root, entry))),
  outdir: "dist",
  outbase: "src",
  entryNames: "[name]-[hash]",
  assetNames: "[name]-[hash]",
  bundle: true,
  minify: true,
  sourcemap: "linked",
  metafile: true,
  target: ["chrome109", "firefox115", "safari16"],
  format: "esm",
  loader: { ".woff2": "file", ".woff": "empty" },
  logLevel: "warning",
  splitting: true,
  chunkNames: "chunk-[hash]",
  plugins: [dark, { name: "manifest", setup: (build) => build.onEnd((result) => void (result.errors.length || write(result))) }],
};

if (process.argv.includes("--watch")) {
  mkdirSync(dist, { recursive: true });
  await (await esbuild.context(options)).watch();
} else {
  rmSync(dist, { recursive: true, force: true });
  mkdirSync(dist, { recursive: true });
  await esbuild.build(options);
}
