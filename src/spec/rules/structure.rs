//! What the schema finds; `spec/structure.rs` says it.

use super::Rule;
use crate::error::Severity;

pub(in crate::spec) const ANOTHER_FORMAT: Rule = Rule {
    code: "RCG101",
    name: "another-format",
    severity: Severity::Error,
    title: "the file is not a spec of this format",
    story: "\
A spec says what it is in its first two fields: `apiVersion: redis-cluster-gen.dev/v1alpha1` and `kind: RedisCluster`. A manifest, the values of a \
chart, or the custom resource of an operator has other fields under other names. Of a Kubernetes object nothing more is said; the custom resource of a \
cluster is read on, and each of its fields is reported with what it is called here.

`redis-cluster-gen init` writes a spec to start from.",
    check: None,
};

pub(in crate::spec) const UNKNOWN_FIELD: Rule = Rule {
    code: "RCG102",
    name: "unknown-field",
    severity: Severity::Error,
    title: "a field is not known",
    story: "\
A field that is not known would be without effect, and so a mistyped `storge` would go unseen until the data is gone. The message names the nearest \
known field, the place where a field of that name belongs, or, for the names of well-known charts and operators, what it is called here. \
`redis-cluster-gen explain FIELD` lists what a mapping may contain.",
    check: None,
};

pub(in crate::spec) const MISSING_FIELD: Rule = Rule {
    code: "RCG103",
    name: "missing-field",
    severity: Severity::Error,
    title: "a required field is missing",
    story: "\
Few fields are required: `apiVersion`, `kind`, `metadata.name`, `spec.engine.version` and `spec.storage`, because no default could be right \
for everybody or stay right for ever. Everything else has a default, which `redis-cluster-gen explain` shows.",
    check: None,
};

pub(in crate::spec) const WRONG_TYPE: Rule = Rule {
    code: "RCG104",
    name: "wrong-type",
    severity: Severity::Error,
    title: "a value is of the wrong type",
    story: "\
YAML decides by the look of a value what it is: `8.0` is a number, `\"8.0\"` is text, `true` is neither. Nothing is converted silently, because the result \
surprises: the number `7.10` is `7.1`. Labels, annotations, versions and environment variables are text and need quotes when they look like \
something else. A key with nothing after it is empty, not a mapping without fields: remove the key, or write `{}` after it.",
    check: None,
};

pub(in crate::spec) const NOT_ONE_OF: Rule = Rule {
    code: "RCG105",
    name: "not-one-of",
    severity: Severity::Error,
    title: "a value is none of the words that are allowed",
    story: "\
Some fields take one of a few words, in the spelling that Kubernetes or the engine uses: `Required`, `AOF`, `allkeys-lru`. Upper and lower case differ.",
    check: None,
};

pub(in crate::spec) const OUT_OF_BOUNDS: Rule = Rule {
    code: "RCG106",
    name: "out-of-bounds",
    severity: Severity::Error,
    title: "a number is too small or too large to be read",
    story: "\
Counts, ports and seconds are whole numbers from 0 to 4294967295. Most fields have narrower bounds, and rules of their own that tell why.",
    check: None,
};
