/** What the build does beyond vite's own: fewer bytes before the first picture, and plotly for reports. */
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { minify } from "terser";
import type { Plugin } from "vite";

/**
 * Minifies once more what vite's own minifier leaves: one part in seventy of what a browser has to load. Plotly comes
 * minified.
 */
export const smaller: Plugin = {
  name: "hugescope-smaller",
  apply: "build",
  enforce: "post",
  async generateBundle(_options, bundle) {
    for (const chunk of Object.values(bundle)) {
      if (chunk.type !== "chunk" || chunk.name.startsWith("plotly")) continue;
      const compress = { ecma: 2020, passes: 3, unsafe_arrows: true } as const;
      const { code } = await minify(chunk.code, { module: true, compress, format: { ecma: 2020 } });
      if (code !== undefined) chunk.code = code;
    }
  },
};

/** plotly as one classic script, which `hugescope report` puts into its pages; the app itself never loads it. */
export const forReports: Plugin = {
  name: "hugescope-plotly-for-reports",
  apply: "build",
  generateBundle() {
    const fileName = "plotly-cartesian.min.js";
    const module = import.meta.resolve(`plotly.js-cartesian-dist-min/${fileName}`);
    const source = readFileSync(fileURLToPath(module));
    this.emitFile({ type: "asset", fileName, source });
  },
};

/** What the bundler tells of modules. */
interface Modules {
  getModuleInfo(
    id: string,
  ): { readonly isEntry: boolean; readonly importers: readonly string[] } | null;
}

/** What the first screens share with others and the entry does without: each a request less before the first picture. */
const ALONG_WITH_ENTRY = /\/src\/(lib\/focus-place|views\/source-banner)\.tsx?$/;

/**
 * The chunk of a module: all that the entry imports, directly or not, is one. By itself the bundler makes a file of
 * each set of parts that share something, though whatever the entry imports is there before any of them.
 */
export function firstInOne(id: string, context: Modules): string | null {
  if (ALONG_WITH_ENTRY.test(id)) return "index";
  const seen = new Set([id]);
  // Grows while it is walked.
  for (const one of seen) {
    const info = context.getModuleInfo(one);
    if (info?.isEntry) return "index";
    for (const importer of info?.importers ?? []) seen.add(importer);
  }
  return null;
}

/** What a chunk waits for before it is run: its sheets. What it imports begins to load along with it. */
const PRELOAD = `
const asked = {};
export const __vitePreload = (load, files = [], base) => Promise.all(files.map((file) => {
  const { href } = new URL(file, base);
  return asked[href] ??= new Promise((done, fail) => {
    const link = document.createElement("link");
    const sheet = href.endsWith(".css");
    link.rel = sheet ? "stylesheet" : "modulepreload";
    link.onload = done;
    link.onerror = () => {
      delete asked[href];
      link.remove();
      fail(Error(href));
    };
    link.href = href;
    document.head.append(link);
    if (!sheet) done();
  });
})).then(load);
`;

/** In place of vite's own, which serves pages with nonces too and tells of failures by an event: half a KiB of the entry. */
export const smallPreload: Plugin = {
  name: "hugescope-small-preload",
  apply: "build",
  enforce: "pre",
  load: (id: string) => (id === "\0vite/preload-helper.js" ? PRELOAD : null),
};
