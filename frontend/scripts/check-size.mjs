// Checks the built page against its budget, gzip: the application, and what is loaded on first use: the panels of a
// host's report, and plotly.
import { readdirSync, readFileSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";

const KIB = 1024;
const APPLICATION_LIMIT = 40 * KIB;
const REPORT_LIMIT = 10 * KIB;
const PLOTLY_LIMIT = 490 * KIB;

const root = resolve(dirname(fileURLToPath(import.meta.url)), "../..");
const built = resolve(root, "server/hugescope_server/static");

function files(folder) {
  return readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
    const path = join(folder, entry.name);
    return entry.isDirectory() ? files(path) : [path];
  });
}

const sizes = { application: 0, report: 0, plotly: 0 };
for (const path of files(built)) {
  // The licence texts are shipped beside the page and never loaded by it.
  if (path.endsWith(".md")) continue;
  const [part = "application"] = /(?<=\/)(?:plotly|report)(?=-[^/]*\.(?:js|css)$)/.exec(path) ?? [];
  sizes[part] += gzipSync(readFileSync(path), { level: 9 }).length;
}

let over = false;
for (const [part, limit] of [
  ["application", APPLICATION_LIMIT],
  ["report", REPORT_LIMIT],
  ["plotly", PLOTLY_LIMIT],
]) {
  const kib = (bytes) => `${(bytes / KIB).toFixed(1)} KiB`;
  console.log(`${part}: ${kib(sizes[part])} gzip of at most ${kib(limit)}`);
  if (sizes[part] === 0 || sizes[part] > limit) over = true;
}
if (over) {
  console.error("the built page is over its budget, or was not built: npm run build");
  process.exit(1);
}
