import { execFileSync, spawnSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { dirname, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";

const root = resolve(dirname(fileURLToPath(import.meta.url)), "../../..");
const venv = resolve(root, ".venv/bin/python");
const python = process.env.PYTHON ?? (existsSync(venv) ? venv : "python3");
const env = { ...process.env, PYTHONPATH: `${root}/agent:${root}/server` };
const probe = spawnSync(python, ["-c", "import hugescope_server.schema"], { env });

// Needs Python with the server's dependencies; PYTHON names it.
describe.skipIf(probe.status !== 0)("what is generated from the Python definitions", () => {
  it("types are as the server's schema has them", () => {
    const script = resolve(root, "frontend/scripts/generate-types.mjs");
    const check = spawnSync("node", [script, "--check"], { env, encoding: "utf8" });
    expect(check.stderr).toBe("");
    expect(check.status).toBe(0);
  }, 60_000);

  it("frames are as the Python encoder makes them", () => {
    const script = resolve(root, "frontend/scripts/golden_frames.py");
    expect(() => execFileSync(python, [script, "--check"], { env, stdio: "pipe" })).not.toThrow();
  }, 60_000);
});

describe("the generated file", () => {
  it("says that it is generated", () => {
    const text = readFileSync(resolve(root, "frontend/src/wire/generated.ts"), "utf8");
    expect(text.split("\n")[0]).toContain("npm run types");
  });
});
