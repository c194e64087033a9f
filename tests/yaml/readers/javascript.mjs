// Reads YAML with one of npm's readers.
//
//     javascript.mjs FOLDER READER DOCUMENTS.json STREAM.yaml
//
// FOLDER has the packages; READER is js-yaml, yaml or yaml-1.1. The first file is a JSON list of YAML texts. Prints
// {"documents": [...], "stream": [...]}, each item {"ok": VALUE} or {"error": TEXT}; a value that JSON does not have
// becomes {"!": its type}.

import { readFileSync } from "node:fs";
import { createRequire } from "node:module";

const [folder, reader, documents, stream] = process.argv.slice(2);
const require = createRequire(`${folder}/`);

function readers() {
  if (reader === "js-yaml") {
    const jsYaml = require("js-yaml");
    return { one: (text) => jsYaml.load(text), many: (text) => jsYaml.loadAll(text) };
  }
  const yaml = require("yaml");
  const options = { version: reader === "yaml-1.1" ? "1.1" : "1.2", logLevel: "silent" };
  return {
    one: (text) => yaml.parse(text, options),
    many: (text) =>
      yaml.parseAllDocuments(text, options).map((document) => {
        if (document.errors.length > 0) throw document.errors[0];
        return document.toJS();
      }),
  };
}

function plain(value) {
  if (Array.isArray(value)) return value.map(plain);
  if (value !== null && typeof value === "object") {
    const prototype = Object.getPrototypeOf(value);
    if (prototype !== Object.prototype && prototype !== null) return { "!": value.constructor.name };
    // Object.fromEntries defines what it is given, so that a key `__proto__` stays a key.
    return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, plain(item)]));
  }
  if (typeof value === "number" && !Number.isFinite(value)) return { "!": String(value) };
  if (typeof value === "bigint") return { "!": "bigint" };
  return value === undefined ? { "!": "undefined" } : value;
}

function outcome(load, text) {
  try {
    return { ok: plain(load(text)) };
  } catch (error) {
    return { error: `${error.name}: ${error.message}` };
  }
}

const { one, many } = readers();
const texts = JSON.parse(readFileSync(documents, "utf8"));
const all = outcome(many, readFileSync(stream, "utf8"));
const result = {
  documents: texts.map((text) => outcome(one, text)),
  stream: "ok" in all ? all.ok.map((value) => ({ ok: value })) : [all],
};
process.stdout.write(JSON.stringify(result));
