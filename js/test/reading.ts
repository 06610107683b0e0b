// Where the tests find files: test.mjs puts the folder of js/ in here when it compiles them.
import { readdirSync, readFileSync } from "node:fs";
import { join, relative, sep } from "node:path";

declare const JS_FOLDER: string;

export function readJson(...path: string[]): unknown {
  return JSON.parse(readFileSync(join(JS_FOLDER, ...path), "utf8"));
}

/** All source files as [path below src/, text]. */
export function sources(): [string, string][] {
  const root = join(JS_FOLDER, "src");
  const walk = (folder: string): string[] =>
    readdirSync(folder, { withFileTypes: true }).flatMap((entry) =>
      entry.isDirectory() ? walk(join(folder, entry.name)) : [join(folder, entry.name)],
    );
  const named = walk(root).filter((path) => path.endsWith(".ts"));
  return named.map((path) => [relative(root, path).split(sep).join("/"), readFileSync(path, "utf8")]);
}
