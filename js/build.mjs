// Bundles src/ into ../smallrtc_lab/static: widget.js, widget.css, plot.js, plot.css, page.* (the page of a served bot), labextension/ (what
// JupyterLab and Notebook 7 load by themselves) and bundle.sha256, the hash of what they were made of.
// `node js/build.mjs` builds once, `--watch` keeps building.
import { createHash } from "node:crypto";
import { copyFileSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
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
      const size = (name) => `${name} ${gzipSync(readFileSync(join(out, name))).length} bytes`;
      console.log(`${["widget.js", "widget.css", "plot.js", "plot.css", "page.js", "page.css"].map(size).join(", ")}, gzipped`);
    });
  },
};

const copies = {
  name: "copies",
  setup(build) {
    build.onEnd(() => ["page.html", "page.svg"].forEach((name) => copyFileSync(join(here, "src", name), join(out, name))));
  },
};

/** A prebuilt extension as JupyterLab finds it: package.json names a script, whose name changes with its content for the sake of caches. */
function writeExtension(script) {
  const folder = join(out, "labextension");
  const load = `static/remoteEntry.${createHash("sha256").update(script).digest("hex").slice(0, 16)}.js`;
  const [, version] = /__version__ = "(.+)"/.exec(readFileSync(join(out, "..", "__init__.py"), "utf8"));
  const about = {
    name: "smallrtc-lab",
    version,
    description: "Says what a live widget of smallrtc-lab waits for while the kernel is busy.",
    license: "BSD-3-Clause",
    jupyterlab: { extension: true, _build: { load, extension: "./extension" } },
  };
  const install = { packageManager: "python", packageName: "smallrtc-lab", uninstallInstructions: "pip uninstall smallrtc-lab" };
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(join(folder, "static"), { recursive: true });
  writeFileSync(join(folder, load), script);
  writeFileSync(join(folder, "package.json"), `${JSON.stringify(about, null, 2)}\n`);
  writeFileSync(join(folder, "install.json"), `${JSON.stringify(install, null, 2)}\n`);
}

const extension = {
  name: "extension",
  setup(build) {
    build.onEnd(({ errors, outputFiles }) => {
      if (errors.length === 0) writeExtension(outputFiles[0].contents);
    });
  },
};

const plain = {
  absWorkingDir: here,
  bundle: true,
  target: "es2022",
  minify: true,
  charset: "utf8",
  legalComments: "none",
  logLevel: "warning",
};

/** A worker's program as text, for anywidget takes one file only; `--watch` does not build it again. */
const worker = (name) => esbuild.buildSync({ ...plain, entryPoints: [name], format: "iife", write: false }).outputFiles[0].text;

const common = { ...plain, outdir: out, define: { WIRE_WORKER: JSON.stringify(worker("src/relay/wire_worker.ts")) } };

const extensionOptions = { ...common, entryPoints: ["src/labextension.ts"], format: "iife", write: false, plugins: [extension] };

const pageOptions = {
  ...common,
  entryPoints: [
    { in: "src/page.ts", out: "page" },
    { in: "src/css/page.css", out: "page" },
  ],
  entryNames: "[name]",
  format: "iife",
  plugins: [copies],
};

const options = {
  ...common,
  entryPoints: [
    { in: "src/widget.ts", out: "widget" },
    { in: "src/css/widget.css", out: "widget" },
    { in: "src/plot_widget.ts", out: "plot" },
    { in: "src/css/plot.css", out: "plot" },
  ],
  entryNames: "[name]",
  format: "esm",
  plugins: [note],
};

if (process.argv.includes("--hash")) console.log(contentHash(here));
else if (process.argv.includes("--watch")) {
  for (const one of [extensionOptions, pageOptions, options]) await (await esbuild.context(one)).watch();
} else {
  for (const one of [extensionOptions, pageOptions, options]) await esbuild.build(one);
}
