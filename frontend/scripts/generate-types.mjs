// Writes src/wire/generated.ts from what `python -m hugescope_server.schema` prints.
// With --check it writes nothing and exits with 1 when the file is stale.
import { execFileSync } from "node:child_process";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import openapiTS, { astToString } from "openapi-typescript";

const root = resolve(dirname(fileURLToPath(import.meta.url)), "../..");
const target = resolve(root, "frontend/src/wire/generated.ts");

/** Python with the server's dependencies: PYTHON, the checkout's .venv, or the one on PATH. */
export function python() {
  const venv = resolve(root, ".venv/bin/python");
  return process.env.PYTHON ?? (existsSync(venv) ? venv : "python3");
}

/** Environment in which the packages are found without being installed. */
export function pythonEnvironment() {
  return { ...process.env, PYTHONPATH: `${root}/agent:${root}/server` };
}

/** The schema document, from the sources of this checkout. */
export function schemaDocument() {
  const text = execFileSync(python(), ["-m", "hugescope_server.schema"], {
    env: pythonEnvironment(),
    encoding: "utf8",
    maxBuffer: 64 * 2 ** 20,
    stdio: ["ignore", "pipe", "pipe"],
  });
  return JSON.parse(text);
}

/** The whole text of generated.ts for this document. */
export async function generate(document) {
  const ast = await openapiTS(document, { defaultNonNullable: false, alphabetize: true });
  const schemas = document.components.schemas;
  const numeric = Object.entries(schemas)
    .filter(
      ([, schema]) => schema["x-enum-varnames"] !== undefined && schema.title !== "WireConstant",
    )
    .map(([name, schema]) => enumText(name, schema));
  const constants = Object.entries(document["x-hugescope-constants"])
    .map(([name, value]) => `export const ${name} = ${JSON.stringify(value)};`)
    .join("\n");
  return [
    "// Written by `npm run types` from the Python definitions of the wire. Do not edit.",
    astToString(ast),
    ...numeric,
    constants,
    "",
  ].join("\n");
}

function enumText(name, schema) {
  const members = schema["x-enum-varnames"].map((key, at) => `  ${key}: ${schema.enum[at]},`);
  const doc = schema.description ? `/** ${schema.description} */\n` : "";
  return `${doc}export const ${name} = {\n${members.join("\n")}\n} as const;\n`;
}

async function main() {
  const text = await generate(schemaDocument());
  if (!process.argv.includes("--check")) {
    writeFileSync(target, text);
    console.log(`wrote ${target}`);
    return;
  }
  if (!existsSync(target) || readFileSync(target, "utf8") !== text) {
    console.error("src/wire/generated.ts is stale: run `npm run types` and commit the result");
    process.exit(1);
  }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) await main();
