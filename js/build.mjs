// Bundles src/ into ../smallrtc_lab/static: widget.js, widget.css and bundle.sha256, the hash of what they were made of.
// `node js/build.mjs` builds once, `--watch` keeps building.
import { createHash } from "node:crypto";
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join, relative, sep } from "node:path";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";
import * as esbuild from "esbuild";

const here = dirname(fileURLToPath(import.meta.url));
const out = join(here, "..", "smallrtc_lab", "static");

/** The same sum as `content_hash` in hatch_build.py; tests/unit/test_bundle.py holds the two together. */
export function contentHash(folder) {
  const names = ["build.mjs", "package.json", "package-lock.json"];
  const walk = (where) =>
    readdirSync(where, { withFileTypes: true }).forEach((entry) => {
      const path = join(where, entry.name);
      if (entry.isDirectory()) walk(path);
      else names.push(relative(folder, path).split(sep).join("/"));
    });
  walk(join(folder, "src"));
  const sum = createHash("sha256");
  for (const name of names.sort()) sum.update(`${name}\0`).update(readFileSync(join(folder, name))).update("\0");
  return sum.digest("hex");
}

const note = {
  name: "note",
  setup(build) {
    build.onEnd((result) => {
      if (result.errors.length > 0) return;
      writeFileSync(join(out, "bundle.sha256"), `${contentHash(here)}\n`);
      const sizes = ["widget.js", "widget.css"].map((name) => gzipSync(readFileSync(join(out, name))).length);
      console.log(`widget.js ${sizes[0]} bytes, widget.css ${sizes[1]} bytes, gzipped`);
    });
  },
};

const options = {
  absWorkingDir: here,
  entryPoints: [
    { in: "src/widget.ts", out: "widget" },
    { in: "src/css/widget.css", out: "widget" },
  ],
  entryNames: "[name]",
  outdir: out,
  bundle: true,
  format: "esm",
  target: "es2022",
  minify: true,
  charset: "utf8",
  legalComments: "none",
  logLevel: "warning",
  plugins: [note],
};

if (process.argv.includes("--hash")) console.log(contentHash(here));
else if (process.argv.includes("--watch")) await (await esbuild.context(options)).watch();
else await esbuild.build(options);
