//! What the reader of YAML finds; `src/yaml` says it.

use super::Rule;
use crate::{error::Severity, yaml::code};

/// A rule of the reader: an error without a check.
const fn rule(
    code: &'static str,
    name: &'static str,
    title: &'static str,
    story: &'static str,
) -> Rule {
    Rule { code, name, severity: Severity::Error, title, story, check: None }
}

pub(super) const NOT_YAML: Rule = rule(
    code::NOT_YAML,
    "not-yaml",
    "the text is not YAML",
    "\
The structure of a YAML text is its indentation, in blanks: tabs do not count. A text that contains `: ` or ` #`, or begins with one of `[ ] { } , & * # ? | - < > = ! % @ \\``, needs quotes. Reading stops at the first such mistake, because nothing after it can be trusted.",
);

pub(super) const NOT_UTF8: Rule = rule(
    code::NOT_UTF8,
    "not-utf8",
    "the file is not UTF-8",
    "\
A spec is a text in UTF-8, as every tool for Kubernetes reads it. Editors on Windows may save UTF-16 or Latin-1: choose UTF-8 there. A byte order mark at the beginning is fine.",
);

pub(super) const TOO_LARGE: Rule = rule(
    code::TOO_LARGE,
    "too-large",
    "the file is too large for a spec",
    "\
A spec is a few hundred lines. Files of more than 1 MiB, or with more than 131072 commas, colons and brackets, are not read, so that no input can take much time or memory. Large texts, such as \
scripts or data, belong into ConfigMaps of their own.",
);

pub(super) const TOO_DEEP: Rule = rule(
    code::TOO_DEEP,
    "too-deep",
    "lists and mappings are nested too deep",
    "No field of a spec, and none of Kubernetes, is deeper than 64 levels. What is nested deeper is not read, so that no input can exhaust the memory of a reader.",
);

pub(super) const SEVERAL_DOCUMENTS: Rule = rule(
    code::SEVERAL_DOCUMENTS,
    "several-documents",
    "the file has more than one document",
    "\
One file is one spec, so that a name, a place in a message and an output folder always mean one cluster. Write each cluster into a file of its own; all commands take several files. Further Kubernetes objects go under `spec.extraManifests`.",
);

pub(super) const DUPLICATE_KEY: Rule = rule(
    code::DUPLICATE_KEY,
    "duplicate-key",
    "a mapping has a key twice",
    "YAML forbids it, and readers differ: some take the last value, some the first, some refuse. Often one block was pasted below another; the message shows both places.",
);

pub(super) const KEY_NOT_TEXT: Rule = rule(
    code::KEY_NOT_TEXT,
    "key-not-text",
    "a key is not text, or too long for a key",
    "\
Keys are names, of at most 8192 bytes. A number, `true`, `null`, a list or a mapping as a key has no counterpart in JSON, which is what Kubernetes stores; readers turn it into text in ways of their own, or fail. Put it in quotes.",
);

pub(super) const ANCHOR: Rule = rule(
    code::ANCHOR,
    "anchor",
    "anchors and aliases are not read",
    "\
An alias (`*name`) repeats what was written at its anchor (`&name`). What a reviewer sees is then not what is there, a change has effects elsewhere, and a few lines can stand for gigabytes. Write the value again, or keep what specs have in common in the tool that makes them.",
);

pub(super) const MERGE_KEY: Rule = rule(
    code::MERGE_KEY,
    "merge-key",
    "the merge key `<<` is not read",
    "The merge key is not part of YAML 1.2, and readers differ: some merge, some keep a key with the name `<<`. Write the fields themselves.",
);

pub(super) const AMBIGUOUS: Rule = rule(
    code::AMBIGUOUS,
    "ambiguous-scalar",
    "a value means different things to different readers",
    "\
YAML 1.1 and 1.2 disagree on many words without quotes: `yes`, `no`, `on` and `off` are truth values to kubectl and texts to others, `0755` is 493 or 755, `12:30` is 750 or a text, `1_000` a number or a text, \
`2001-01-01` a date or a text. Other tools read the same file, so such a value is refused. Write `true` or `false`, a plain number, or quotes around a text.",
);

pub(super) const TAG: Rule = rule(
    code::TAG,
    "tag",
    "tags are not read",
    "\
A tag (`!name`) tells a reader to make something special of a value, which most readers ignore, refuse, or treat as a risk. Nothing in a spec needs one. For a text that looks like a number, use quotes.",
);

pub(super) const EMPTY: Rule = rule(
    code::EMPTY,
    "empty-file",
    "the file has no content",
    "A file with nothing but comments is no spec. `redis-cluster-gen init` writes one to start from.",
);

pub(super) const NOT_REPRESENTABLE: Rule = rule(
    code::NOT_REPRESENTABLE,
    "no-such-number",
    "a number is none that JSON has",
    "Infinity, \"not a number\" and numbers that are too large have no counterpart in JSON, which is what Kubernetes stores. No field of a spec takes one.",
);

pub(super) const CHARACTER: Rule = rule(
    code::CHARACTER,
    "forbidden-character",
    "a character is none that all readers take",
    "\
Control characters may not stand in YAML as they are. Others, such as the line separators of Unicode, end a line for some readers and not for others. Usually such a character was pasted from a \
document; remove it. Where it is meant, write the text in double quotes, with an escape such as `\\x1B`.",
);

pub(super) const FRAGILE: Rule = Rule {
    severity: Severity::Warning,
    ..rule(
        code::FRAGILE,
        "fragile-text",
        "a text is changed by tools that write manifests again",
        "\
Kustomize and Flux read each manifest and write it again. Their writer damages a few texts that are valid YAML: those with certain control characters, and those of several lines that begin with a tab. Such a text of yours would reach the cluster changed, or not at all.",
    )
};
