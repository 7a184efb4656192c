import { defineConfig } from "vitest/config";
import { firstInOne, forReports, smaller, smallPreload } from "./vite-plugins";

export default defineConfig({
  // Relative, so that the page also works below a path of a reverse proxy.
  base: "./",
  plugins: [smallPreload, smaller, forReports],
  oxc: { jsx: { runtime: "automatic", importSource: "preact" } },
  build: {
    outDir: "../server/hugescope_server/static",
    emptyOutDir: true,
    target: "es2022",
    modulePreload: { polyfill: false },
    // Plotly alone is 1.4 MB before compression; scripts/check-size.mjs holds the true budget.
    chunkSizeWarningLimit: 1600,
    license: { fileName: "licenses.md" },
    // Which chunk loads which: scripts/check-size.mjs adds up from it what an address costs.
    manifest: "chunks.json",
    rolldownOptions: {
      output: { codeSplitting: { groups: [{ name: firstInOne, debugName: "first" }] } },
    },
  },
  server: {
    proxy: {
      "/api": { target: "http://127.0.0.1:8765", ws: true },
      "/login": "http://127.0.0.1:8765",
    },
  },
  test: {
    environment: "node",
    include: ["src/**/*.test.ts"],
    // By default a test fails that took five seconds, be it that the machine had other work.
    testTimeout: 120_000,
    hookTimeout: 120_000,
  },
});
