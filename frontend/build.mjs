// Builds what the console's pages load: node build.mjs [FOLDER]. Names carry a digest of the content, so that browsers
// may keep the files for good; names.json tells which is which.
import { build } from "esbuild";
import { createHash } from "node:crypto";
import { mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { extname, basename, join } from "node:path";
import { brotliCompressSync } from "node:zlib";

// What pages load; the rest is taken in by these.
const PAGES = [
  "console.ts",
  "board.ts",
  "capacity.ts",
  "charts.ts",
  "developers.ts",
  "my-day.ts",
  "my-day-worker.ts",
  "console.css",
];

const out = process.argv[2] ?? join("..", "src", "fieldserve", "console", "static");
const { outputFiles } = await build({
  entryPoints: PAGES.map((name) => join("src", name)),
  bundle: true,
  minify: true,
  format: "esm",
  target: "es2022",
  legalComments: "inline",
  outdir: "out",
  write: false,
});

const files = outputFiles.map((one) => [basename(one.path), Buffer.from(one.contents)]);
files.push(["mark.svg", readFileSync("src/mark.svg")]);
rmSync(out, { recursive: true, force: true });
mkdirSync(out, { recursive: true });
const names = {};
for (const [name, content] of files) {
  const digest = createHash("sha256").update(content).digest("hex").slice(0, 12);
  const suffix = extname(name);
  names[name] = `${basename(name, suffix)}.${digest}${suffix}`;
  writeFileSync(join(out, names[name]), content);
  const compressed = brotliCompressSync(content);
  if (compressed.length < content.length) writeFileSync(join(out, `${names[name]}.br`), compressed);
  console.log(`${names[name]}  ${content.length} bytes, ${compressed.length} compressed`);
}
writeFileSync(join(out, "names.json"), JSON.stringify(names));
