// Checks the built page against its budget, gzip (docs/decisions/0012-what-loads-when.md): what any address loads before
// plotly, each part that comes later, and plotly. A part is a file of src/views/parts.
import { readFileSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";

const KIB = 1024;
const SCREEN_LIMIT = 40 * KIB;
const PLOTLY_LIMIT = 490 * KIB;
/** A part that comes on demand, with everything that no other screen or part before it has loaded. */
const PART_LIMITS = {
  controls: 19.2 * KIB,
  migration: 14 * KIB,
  compare: 13 * KIB,
  numbers: 6 * KIB,
  levels: 4 * KIB,
  debug: 2 * KIB,
  timeline: 8.2 * KIB,
  "time-help": 2 * KIB,
  report: 10 * KIB,
  page: 6 * KIB,
  extents: 6 * KIB,
  charts: 8 * KIB,
  dialogs: 6 * KIB,
  export: 4 * KIB,
  plot: 3 * KIB,
};
const SCREENS = ["overview", "map"];
/** What comes by itself right after the first picture of a map: what acts on it, the time, and the window for tests. */
const AFTER_MAP = ["controls", "timeline", "debug"];
const PART = /^src\/views\/parts\/([a-z-]+)\.tsx?$/;

const root = resolve(dirname(fileURLToPath(import.meta.url)), "../..");
const built = resolve(process.argv[2] ?? join(root, "server/hugescope_server/static"));

/** The chunks by their source, as vite lists them. */
function chunksOf() {
  try {
    return JSON.parse(readFileSync(join(built, "chunks.json"), "utf8"));
  } catch (error) {
    console.error(`${built} holds no built page: npm run build (${error.message})`);
    process.exit(1);
  }
}

const chunks = chunksOf();
const gzipped = new Map();

/** Bytes of a built file. */
function sizeOf(file) {
  if (!gzipped.has(file)) {
    gzipped.set(file, gzipSync(readFileSync(join(built, file)), { level: 9 }).length);
  }
  return gzipped.get(file);
}

/** The files that loading a chunk loads. */
function filesOf(source, found = new Set()) {
  const chunk = chunks[source];
  if (found.has(chunk.file)) return found;
  found.add(chunk.file);
  for (const sheet of chunk.css ?? []) found.add(sheet);
  for (const other of chunk.imports ?? []) filesOf(other, found);
  return found;
}

function sum(files) {
  return [...files].reduce((bytes, file) => bytes + sizeOf(file), 0);
}

let over = false;

function tell(what, bytes, limit) {
  const kib = (count) => `${(count / KIB).toFixed(1)} KiB`;
  const bound = limit === undefined ? "" : ` of at most ${kib(limit)}`;
  console.log(`${what}: ${kib(bytes)} gzip${bound}`);
  if (bytes > limit) over = true;
}

const entry = Object.keys(chunks).find((source) => chunks[source].isEntry);
const first = filesOf(entry).add("index.html").add("icon.svg");
tell("entry", sum(first));

const parts = new Map();
const plotly = new Set();
for (const [source, chunk] of Object.entries(chunks)) {
  const name = PART.exec(source)?.[1];
  if (name !== undefined) parts.set(name, source);
  else if (source.includes("plotly")) plotly.add(chunk.file);
  else if (chunk.isDynamicEntry) {
    console.error(`${source} is loaded on demand and is neither in src/views/parts nor plotly`);
    over = true;
  }
}

const loaded = new Set();

/** A part with what it loads, beyond what is there already. */
function tellPart(how, name, before) {
  if (PART_LIMITS[name] === undefined) {
    console.error(`src/views/parts/${name} has no bound in scripts/check-size.mjs`);
    over = true;
  }
  const files = [...filesOf(parts.get(name))].filter((file) => !before.has(file));
  tell(`${how}, ${name}`, sum(files), PART_LIMITS[name]);
  for (const file of files) before.add(file);
}

for (const name of SCREENS) {
  const files = new Set([...first, ...filesOf(parts.get(name))]);
  tell(`entry and ${name}`, sum(files), SCREEN_LIMIT);
  // Nobody has to ask for these.
  if (name === "map") for (const part of AFTER_MAP) tellPart("right after the map", part, files);
  for (const file of files) loaded.add(file);
}
for (const name of parts.keys()) {
  if (!SCREENS.includes(name) && !AFTER_MAP.includes(name)) tellPart("on demand", name, loaded);
}

const ours = new Set([...loaded].filter((file) => !plotly.has(file)));
tell("all code of this project", sum(ours));
tell("plotly", sum(plotly), PLOTLY_LIMIT);
if (plotly.size === 0) over = true;
if (over) {
  console.error("the built page is over its budget");
  process.exit(1);
}
