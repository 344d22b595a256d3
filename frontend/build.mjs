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
  "routes.ts",
  "console.css",
];
// What maps lie on. MapLibre is built from its sources: what comes ready made holds what its worker shares with it
// twice. The worker is a file, since the pages' policy allows no script that is made on the spot.
const MAPLIBRE = join("node_modules", "maplibre-gl", "src");
const GROUND = { ground: join("src", "ground.ts"), "ground-worker": join(MAPLIBRE, "source", "worker.ts") };

const out = process.argv[2] ?? join("..", "src", "fieldserve", "console", "static");
const common = {
  bundle: true,
  minify: true,
  format: "esm",
  target: "es2022",
  legalComments: "inline",
  outdir: "out",
  write: false,
};
const pages = await build({ ...common, entryPoints: PAGES.map((name) => join("src", name)) });
const license = readFileSync(join("node_modules", "maplibre-gl", "LICENSE.txt"), "utf8");
const ground = await build({
  ...common,
  entryPoints: GROUND,
  splitting: true,
  alias: { "maplibre-gl": `./${join(MAPLIBRE, "index.ts")}` },
  loader: { ".glsl": "text" },
  // As MapLibre itself is compiled: a field that is declared and not set does not hide what a class inherits.
  tsconfigRaw: { compilerOptions: { useDefineForClassFields: false } },
});

const files = [...pages.outputFiles, ...ground.outputFiles].map((one) => [basename(one.path), Buffer.from(one.contents)]);
for (const file of files) if (file[0] === "ground.js") file[1] = Buffer.concat([Buffer.from(`/*!\n${license}*/\n`), file[1]]);
files.push(["mark.svg", readFileSync("src/mark.svg")]);
rmSync(out, { recursive: true, force: true });
mkdirSync(out, { recursive: true });
const names = {};
for (const [name, content] of files) {
  const digest = createHash("sha256").update(content).digest("hex").slice(0, 12);
  const suffix = extname(name);
  // A chunk is named by its digest already, and called by that name in others.
  names[name] = name.startsWith("chunk-") ? name : `${basename(name, suffix)}.${digest}${suffix}`;
  writeFileSync(join(out, names[name]), content);
  const compressed = brotliCompressSync(content);
  if (compressed.length < content.length) writeFileSync(join(out, `${names[name]}.br`), compressed);
  console.log(`${names[name]}  ${content.length} bytes, ${compressed.length} compressed`);
}
writeFileSync(join(out, "names.json"), JSON.stringify(names));
