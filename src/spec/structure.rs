//! What is wrong with the structure of a spec that cannot be decoded: unknown and missing fields, values of a wrong type.
//!
//! All of it comes out at once. Then a copy is mended, so that the rest of the spec can be judged in the same run.

use std::collections::{BTreeSet, HashSet};

use serde_json::{Map, Number, Value};

use super::{
    decode, foreign, rules,
    schema::{self, Misfit, MisfitKind, Schema},
    suggest::{closest, one_of},
    types::RedisCluster,
    written::{Written, append, join, last, path},
};
use crate::{error::Problem, yaml::Kind};

/// What came of a spec that cannot be decoded.
pub(super) struct Mended {
    /// The spec with neutral values for what could not be decoded; absent when it is not a spec at all.
    pub(super) cluster: Option<RedisCluster>,
    /// The pointers of everything that is not as it was written.
    pub(super) repaired: BTreeSet<String>,
    /// What is wrong with the structure.
    pub(super) problems: Vec<Problem>,
}

/// Lists what keeps a spec from being decoded, and mends a copy of it.
pub(super) fn mend(written: &Written<'_>) -> Mended {
    let mut mended = Mended { cluster: None, repaired: BTreeSet::new(), problems: Vec::new() };
    let Kind::Map(_) = written.root().kind else {
        mended.problems.push(not_a_mapping(written));
        return mended;
    };
    let identity = Identity::of(written);
    if let Some(problem) = identity.problem(written) {
        mended.problems.push(problem);
        if identity.is_another_object() {
            return mended;
        }
    }
    let schema = Schema::new();
    let mut value = written.root().to_json();
    // What is put in for a missing field can lack something itself.
    let mut untold = 0;
    for round in 0..4 {
        let mut misfits = schema.misfits(&value);
        misfits.extend(decimals(&schema, &value));
        for misfit in misfits.iter().filter(|misfit| round == 0 && !identity.covers(misfit)) {
            tell(written, &schema, misfit, &mut mended.problems, &mut untold);
        }
        misfits.retain(|misfit| repairable(misfit, &value));
        if misfits.len() > MOST_MENDED {
            break;
        }
        for misfit in &misfits {
            repair(&schema, &mut value, misfit, &mut mended.repaired);
        }
        match decode::decode_value(&value) {
            Ok(cluster) => {
                mended.cluster = Some(cluster);
                break;
            }
            // Should the schema ever allow what the types refuse, their own words are better than silence.
            Err(reason) if round == 3 && mended.problems.is_empty() => {
                let message = format!("the spec cannot be understood: {reason}");
                mended.problems.push(Problem::error(
                    rules::WRONG_TYPE.code,
                    written.key(""),
                    message,
                ));
            }
            Err(_) => {}
        }
    }
    if let (1.., Some(last)) = (untold, mended.problems.last_mut()) {
        last.notes.push(format!("{untold} more mistakes in the structure are not shown"));
    }
    mended
}

fn not_a_mapping(written: &Written<'_>) -> Problem {
    let message = format!("a spec is a mapping, not {}", got(written, ""));
    Problem::error(rules::WRONG_TYPE.code, written.value(""), message)
        .help(format!("begin with `{API_VERSION_LINE}` and `kind: RedisCluster`; `redis-cluster-gen init` writes a whole spec"))
}

const API_VERSION: &str = "redis-cluster-gen.dev/v1alpha1";
const API_VERSION_LINE: &str = "apiVersion: redis-cluster-gen.dev/v1alpha1";

/// What a file says that it is.
struct Identity {
    api_version: Option<String>,
    kind: Option<String>,
}

impl Identity {
    fn of(written: &Written<'_>) -> Identity {
        let text = |pointer| match &written.find(pointer)?.kind {
            Kind::String(text) => Some(text.clone()),
            _ => None,
        };
        Identity { api_version: text("/apiVersion"), kind: text("/kind") }
    }

    fn is_ours(&self) -> bool {
        self.api_version
            .as_deref()
            .is_some_and(|version| version.starts_with("redis-cluster-gen.dev/"))
    }

    /// Nothing that can be said about its fields would help.
    fn is_another_object(&self) -> bool {
        let kind = self.kind.as_deref();
        !self.is_ours()
            && kind.is_some_and(|kind| {
                !kind.ends_with("Cluster") && closest(kind, ["RedisCluster"]).is_none()
            })
    }

    fn problem(&self, written: &Written<'_>) -> Option<Problem> {
        let Identity { api_version, kind } = self;
        let code = rules::ANOTHER_FORMAT.code;
        match (api_version.as_deref(), kind.as_deref()) {
            (Some(API_VERSION), Some("RedisCluster") | None) | (None, Some("RedisCluster") | None) => None,
            (api_version, Some(kind)) if self.is_another_object() => {
                let of = api_version.map(|version| format!(" of `{version}`")).unwrap_or_default();
                let mut problem = Problem::error(code, written.value("/kind"), format!("this is a `{kind}`{of}, not a spec of a Redis Cluster"))
                    .label("expected `RedisCluster`");
                if let Some(what) = foreign::object(kind) {
                    problem = problem.note(what);
                }
                Some(problem.help(format!("a spec begins with `{API_VERSION_LINE}` and `kind: RedisCluster`; `redis-cluster-gen init` writes one")))
            }
            (Some(version), _) if self.is_ours() && version != API_VERSION => Some(
                Problem::error(code, written.value("/apiVersion"), format!("`{version}` is not a version of this format"))
                    .label("expected `redis-cluster-gen.dev/v1alpha1`")
                    .help(format!("write `{API_VERSION_LINE}`; a newer version of the format needs a newer redis-cluster-gen")),
            ),
            (Some(version), kind) if !self.is_ours() => {
                let mut problem = Problem::error(code, written.value("/apiVersion"), format!("`{version}` is not the `apiVersion` of this format"))
                    .label("expected `redis-cluster-gen.dev/v1alpha1`");
                if let Some(whose) = foreign::api(version) {
                    problem = problem.note(format!("`{}` of `{version}` is a custom resource of {whose}; its fields have other names here", kind.unwrap_or("RedisCluster")));
                }
                Some(problem.help(format!("write `{API_VERSION_LINE}`")))
            }
            (_, kind) => Some(
                Problem::error(code, written.value("/kind"), format!("`{}` is not a kind of this format", kind.unwrap_or_default()))
                    .label("expected `RedisCluster`")
                    .help("write `kind: RedisCluster`; whether it runs Redis or Valkey is said by `spec.engine.name`"),
            ),
        }
    }

    /// What the messages above have said.
    fn covers(&self, misfit: &Misfit) -> bool {
        misfit.kind == MisfitKind::Wrong
            && ((misfit.pointer == "/apiVersion" && self.api_version.is_some())
                || (misfit.pointer == "/kind" && self.kind.is_some()))
    }
}

/// Decimals such as `3.0` where the types want an integer; to a schema they are integers.
fn decimals(schema: &Schema, value: &Value) -> Vec<Misfit> {
    fn walk(
        schema: &Schema,
        of: &Value,
        value: &Value,
        pointer: &mut String,
        found: &mut Vec<Misfit>,
    ) {
        let length = pointer.len();
        let mut below = |token: &str, value| {
            // What the format leaves to others is not looked into.
            if let Some(of) = schema.below(of, token) {
                append(pointer, token);
                walk(schema, of, value, pointer, found);
                pointer.truncate(length);
            }
        };
        match value {
            Value::Object(fields) => fields.iter().for_each(|(key, value)| below(key, value)),
            Value::Array(items) => {
                let items = items.iter().enumerate();
                items.for_each(|(index, item)| below(&index.to_string(), item));
            }
            Value::Number(number) if number.is_f64() => {
                let is_whole = number.as_f64().is_some_and(|number| number.fract() == 0.0);
                if is_whole && types(schema.inside(of)).contains(&"integer") {
                    found.push(Misfit { pointer: pointer.clone(), kind: MisfitKind::Wrong });
                }
            }
            _ => {}
        }
    }
    let mut found = Vec::new();
    walk(schema, schema.root(), value, &mut String::new(), &mut found);
    found
}

/// What the rules know to say better is left to them; what could not even be decoded is not.
fn repairable(misfit: &Misfit, value: &Value) -> bool {
    match misfit.kind {
        MisfitKind::Contents => false,
        MisfitKind::OutOfBounds => !fits_u32(value.pointer(&misfit.pointer)),
        _ => true,
    }
}

fn fits_u32(value: Option<&Value>) -> bool {
    value.and_then(Value::as_u64).is_some_and(|number| u32::try_from(number).is_ok())
}

/// How many problems are told; the rest is only counted.
const MOST: usize = 100;

/// How many values are mended. Whoever has more that do not fit learns the rest when they do.
const MOST_MENDED: usize = 5000;

/// Says what is wrong, unless a rule will.
fn tell(
    written: &Written<'_>,
    schema: &Schema,
    misfit: &Misfit,
    problems: &mut Vec<Problem>,
    untold: &mut usize,
) {
    let Misfit { pointer, kind } = misfit;
    if problems.len() >= MOST {
        *untold += match kind {
            MisfitKind::UnknownFields(fields) => fields.len(),
            _ => 1,
        };
        return;
    }
    match kind {
        MisfitKind::UnknownFields(fields) => {
            let room = MOST - problems.len();
            problems.extend(
                fields
                    .iter()
                    .take(room)
                    .map(|field| unknown_field(written, schema, pointer, field)),
            );
            *untold += fields.len().saturating_sub(room);
        }
        MisfitKind::MissingField(field) => problems.push(missing_field(written, pointer, field)),
        MisfitKind::Wrong => problems.push(wrong(written, schema, pointer)),
        MisfitKind::OutOfBounds => problems.extend(out_of_bounds(written, schema, pointer)),
        MisfitKind::Contents => {}
    }
}

fn unknown_field(written: &Written<'_>, schema: &Schema, parent: &str, field: &str) -> Problem {
    let pointer = join(parent, field);
    let siblings = schema.fields(parent);
    let within =
        if parent.is_empty() { "a spec".to_owned() } else { format!("`{}`", path(parent)) };
    let problem = Problem::error(
        rules::UNKNOWN_FIELD.code,
        written.key(&pointer),
        format!("unknown field `{field}` in {within}"),
    );
    let all = schema.all_fields();
    let elsewhere: Vec<_> =
        all.iter().filter(|known| last(known).eq_ignore_ascii_case(field)).collect();
    // What is in a field of ours that is in the wrong place may look like another format's.
    let is_ours = !elsewhere.is_empty() && foreign::translate(&pointer, None).is_empty();
    let translations = foreign::translate(&pointer, written.find(&pointer).filter(|_| !is_ours));
    if !translations.is_empty() {
        return translations.into_iter().fold(problem.label("from another format"), Problem::help);
    }
    if let Some(meant) = closest(field, siblings.iter().copied()) {
        return problem.label("unknown").help(format!("did you mean `{meant}`?"));
    }
    if let [_, ..] = elsewhere.as_slice() {
        let places: Vec<_> = elsewhere.iter().take(3).map(|known| holder(known)).collect();
        let places = one_of(places.iter().map(String::as_str));
        let name = last(elsewhere[0]);
        return problem.label("not here").help(if holder(elsewhere[0]).is_empty() {
            format!("`{name}` belongs at the top of the file, without indentation")
        } else {
            format!("`{name}` belongs under {places}")
        });
    }
    let names: Vec<_> = all.iter().map(|known| (last(known), known)).collect();
    if let Some(meant) = closest(field, names.iter().map(|(name, _)| name.as_str()))
        && let Some((_, known)) = names.iter().find(|(name, _)| name == meant)
    {
        return problem.label("unknown").help(format!("did you mean `{}`?", path(known)));
    }
    problem.label("unknown").help(format!(
        "its fields are {}",
        siblings.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ")
    ))
}

/// What a field stands in, as messages write it.
fn holder(pointer: &str) -> String {
    match pointer.rsplit_once('/') {
        Some((parent, _)) if !parent.is_empty() => path(parent),
        _ => String::new(),
    }
}

fn missing_field(written: &Written<'_>, parent: &str, field: &str) -> Problem {
    let pointer = join(parent, field);
    let within =
        if parent.is_empty() { "the spec".to_owned() } else { format!("`{}`", path(parent)) };
    let problem = Problem::error(
        rules::MISSING_FIELD.code,
        written.key(parent),
        format!("{within} has no `{field}`"),
    )
    .label(format!("`{field}` is missing"));
    problem.help(match pointer.as_str() {
        "/apiVersion" => format!("write `{API_VERSION_LINE}` as the first line"),
        "/kind" => "write `kind: RedisCluster` below `apiVersion`".to_owned(),
        "/metadata" => "write `metadata:`, and below it the name of the cluster, such as `name: sessions`".to_owned(),
        "/metadata/name" => "write the name of the cluster, such as `name: sessions`".to_owned(),
        "/spec" => "write `spec:`, and below it at least `engine:` with a `version` and `storage:` with a `size`".to_owned(),
        "/spec/engine" => "write `engine:`, and below it the version of Redis, such as `version: \"8.0.6\"`".to_owned(),
        "/spec/engine/version" => "write the version of the server in quotes, such as `version: \"8.0.6\"`; the directives that are allowed depend on it".to_owned(),
        "/spec/storage" => "write `storage:`, and below it the size of each pod's volume, such as `size: 10Gi`, or `ephemeral: {}` for a cache".to_owned(),
        _ if field == "seconds" => "write after how many seconds, such as `seconds: 3600`".to_owned(),
        _ if field == "changes" => "write after how many changes, such as `changes: 100`".to_owned(),
        _ if field == "target" => "write which objects are changed, such as `target: {kind: StatefulSet}`".to_owned(),
        _ if field == "merge" => "write what is merged into the objects".to_owned(),
        _ if field == "kind" => "write the kind of the objects, such as `kind: StatefulSet`".to_owned(),
        _ => format!("write `{field}:`"),
    })
}

fn wrong(written: &Written<'_>, schema: &Schema, pointer: &str) -> Problem {
    let expected = schema.of(pointer).unwrap_or(&Value::Null);
    if let (Some(words), Some(Kind::String(word))) =
        (schema::words(expected), written.find(pointer).map(|node| &node.kind))
    {
        return not_a_word(written, pointer, word, &words);
    }
    let problem = Problem::error(
        rules::WRONG_TYPE.code,
        written.value(pointer),
        format!(
            "`{}` is {}, but must be {}",
            path(pointer),
            got(written, pointer),
            describe(expected)
        ),
    )
    .label(format!("expected {}", describe(expected)));
    problem.help(
        type_help(written, schema, pointer, expected)
            .unwrap_or_else(|| format!("write {}{}", describe(expected), bounds(expected))),
    )
}

/// The bounds of a number, where it has both.
fn bounds(schema: &Value) -> String {
    let bound = |key| schema.get(key).and_then(Value::as_u64);
    match (bound("minimum"), bound("maximum")) {
        (Some(least), Some(most)) if most < u64::from(u32::MAX) => {
            format!(" from {least} to {most}")
        }
        _ => String::new(),
    }
}

fn not_a_word(written: &Written<'_>, pointer: &str, word: &str, words: &[&str]) -> Problem {
    let problem = Problem::error(
        rules::NOT_ONE_OF.code,
        written.value(pointer),
        format!("`{}` cannot be `{word}`", path(pointer)),
    )
    .label(match words.len() {
        0..=4 => format!("expected {}", one_of(words.iter().copied())),
        _ => "none of the words that are allowed".to_owned(),
    });
    match closest(word, words.iter().copied()) {
        Some(meant) if meant.eq_ignore_ascii_case(word) => {
            problem.help(format!("write `{meant}`; upper and lower case differ"))
        }
        Some(meant) => problem.help(format!("did you mean `{meant}`?")),
        None => problem.help(format!("write {}", one_of(words.iter().copied()))),
    }
}

fn out_of_bounds(written: &Written<'_>, schema: &Schema, pointer: &str) -> Option<Problem> {
    // What can be decoded is left to the rules.
    if let Kind::Number(number) = &written.find(pointer)?.kind
        && number.as_u64().is_some_and(|number| u32::try_from(number).is_ok())
    {
        return None;
    }
    let bound = |key| schema.of(pointer)?.get(key)?.as_u64();
    let bounds = match (bound("minimum").unwrap_or(0), bound("maximum")) {
        (least, Some(most)) if most < u64::from(u32::MAX) => format!("from {least} to {most}"),
        (least, _) => format!("from {least} to {}", u32::MAX),
    };
    Some(
        Problem::error(
            rules::OUT_OF_BOUNDS.code,
            written.value(pointer),
            format!("`{}` is {}, but must be {bounds}", path(pointer), written.text(pointer)),
        )
        .label("out of bounds")
        .help(format!("write a whole number {bounds}")),
    )
}

fn types(schema: &Value) -> Vec<&str> {
    match schema.get("type") {
        Some(Value::String(name)) => vec![name],
        Some(Value::Array(names)) => names.iter().filter_map(Value::as_str).collect(),
        _ => Vec::new(),
    }
}

/// What a schema asks for, in the words of somebody who writes YAML.
fn describe(schema: &Value) -> String {
    if let Some(words) = schema::words(schema) {
        return one_of(words);
    }
    if schema.get("anyOf").is_some() {
        return "text, a number, `true` or `false`, or a list of texts".to_owned();
    }
    match types(schema).first() {
        Some(&"string") if types(schema).contains(&"number") => "an amount such as `10Gi`",
        Some(&"string") => "text",
        Some(&"integer") => "a whole number",
        Some(&"number") => "a number",
        Some(&"boolean") => "`true` or `false`",
        Some(&"array") => "a list",
        Some(&"object") => "a mapping",
        _ => "something else",
    }
    .to_owned()
}

/// What is written, in the same words.
fn got(written: &Written<'_>, pointer: &str) -> String {
    let text = || written.text(pointer);
    match written.find(pointer).map(|node| &node.kind) {
        None | Some(Kind::Null) if text().is_empty() => "empty".to_owned(),
        None | Some(Kind::Null) => format!("`{}`", text()),
        Some(Kind::Bool(_)) => format!("`{}`", text()),
        Some(Kind::Number(_)) => format!("the number {}", text()),
        Some(Kind::String(string)) if string.is_empty() => "an empty text".to_owned(),
        Some(Kind::String(string)) => format!("the text `{string}`"),
        Some(Kind::List(_)) => "a list".to_owned(),
        Some(Kind::Map(_)) => "a mapping".to_owned(),
    }
}

fn type_help(
    written: &Written<'_>,
    schema: &Schema,
    pointer: &str,
    expected: &Value,
) -> Option<String> {
    let field = last(pointer);
    let text = written.text(pointer);
    let expected_type = types(expected).first().copied().unwrap_or_default();
    let translations = foreign::translate(pointer, written.find(pointer));
    if let Some(translation) = translations.into_iter().next() {
        return Some(translation);
    }
    Some(match (expected_type, &written.find(pointer)?.kind) {
        ("string", Kind::Bool(_) | Kind::Number(_)) => format!("put it in quotes: `\"{text}\"`"),
        ("object", Kind::Null) => format!("write its fields below `{field}:`, or remove the key"),
        ("array", Kind::Null) => format!("write its items below `{field}:`, or remove the key"),
        (_, Kind::Null) if schema::words(expected).is_some_and(|words| words.contains(&"None")) => {
            "write `None`".to_owned()
        }
        (_, Kind::Null) => format!("write a value after `{field}:`, or remove the key"),
        ("integer", Kind::String(string)) if string.trim().parse::<u32>().is_ok() => {
            format!("write it without quotes: `{}`", string.trim())
        }
        ("integer", Kind::Number(number)) => match number.as_f64() {
            Some(number) if number.fract() == 0.0 && number.abs() < 1e15 => {
                format!("write `{number:.0}`")
            }
            _ => return None,
        },
        ("boolean", Kind::String(string)) => match string.to_lowercase().as_str() {
            "yes" | "on" | "true" | "y" | "enabled" => "write `true`".to_owned(),
            "no" | "off" | "false" | "n" | "disabled" => "write `false`".to_owned(),
            _ => return None,
        },
        ("array", kind) => {
            let item = join(pointer, 0);
            let fields = schema.fields(&item);
            let is_text = schema.of(&item).is_some_and(|item| {
                schema::words(item).is_some() || types(item).contains(&"string")
            });
            match kind {
                Kind::Map(_) if is_text => "begin each item with `- `".to_owned(),
                _ if is_text => format!("write it as a list: `[{text}]`"),
                _ if fields.is_empty() => {
                    "write a list of mappings: begin each with `- `, as Kubernetes has them"
                        .to_owned()
                }
                _ => format!(
                    "write a list of mappings: begin each with `- `, with the fields {}",
                    fields.iter().map(|field| format!("`{field}`")).collect::<Vec<_>>().join(", ")
                ),
            }
        }
        ("object", _) if pointer == "/spec/config" => {
            "write one key for each directive below `config:`, such as `maxclients: 5000`"
                .to_owned()
        }
        ("object", _) => {
            let fields = schema.fields(pointer);
            if fields.is_empty() {
                return None;
            }
            format!(
                "its fields are {}",
                fields.iter().map(|field| format!("`{field}`")).collect::<Vec<_>>().join(", ")
            )
        }
        _ => return None,
    })
}

/// Makes one misfit fit.
fn repair(schema: &Schema, spec: &mut Value, misfit: &Misfit, repaired: &mut BTreeSet<String>) {
    let (parent, key) = match &misfit.kind {
        MisfitKind::UnknownFields(unknown) => {
            let unknown: HashSet<_> = unknown.iter().collect();
            if let Some(Value::Object(fields)) = spec.pointer_mut(&misfit.pointer) {
                fields.retain(|field, _| !unknown.contains(field));
            }
            repaired.extend(unknown.into_iter().map(|field| join(&misfit.pointer, field)));
            return;
        }
        MisfitKind::MissingField(field) => (misfit.pointer.clone(), field.clone()),
        _ => match misfit.pointer.rsplit_once('/') {
            Some((parent, _)) => (parent.to_owned(), last(&misfit.pointer)),
            None => return,
        },
    };
    let pointer = join(&parent, &key);
    let required = schema
        .of(&parent)
        .and_then(|schema| schema.get("required")?.as_array())
        .is_some_and(|required| required.iter().any(|field| *field == key));
    let neutral =
        || schema.of(&pointer).map_or(Value::Null, |wanted| neutral(schema, &pointer, wanted));
    match spec.pointer_mut(&parent) {
        // Without it the default applies.
        Some(Value::Object(fields))
            if !required && schema.fields(&parent).contains(&key.as_str()) =>
        {
            fields.shift_remove(&key);
        }
        Some(Value::Object(fields)) => {
            fields.insert(key, neutral());
        }
        // Items keep their index, for the places of the others.
        Some(Value::Array(items)) => {
            if let Some(item) = key.parse::<usize>().ok().and_then(|index| items.get_mut(index)) {
                *item = neutral();
            }
        }
        _ => return,
    }
    repaired.insert(pointer);
}

/// The least that a schema allows.
fn neutral(schema: &Schema, pointer: &str, wanted: &Value) -> Value {
    if let Some(word) = schema::words(wanted).and_then(|words| words.first().copied()) {
        return Value::from(word);
    }
    match types(wanted).first() {
        Some(&"string") => Value::from("x"),
        Some(&"integer" | &"number") => {
            wanted.get("minimum").cloned().unwrap_or_else(|| Value::Number(Number::from(0)))
        }
        Some(&"boolean") => Value::Bool(false),
        Some(&"array") => Value::Array(Vec::new()),
        Some(&"object") => {
            let required = wanted.get("required").and_then(Value::as_array);
            let fields = required.into_iter().flatten().filter_map(Value::as_str).map(|field| {
                let pointer = join(pointer, field);
                let value = schema
                    .of(&pointer)
                    .map_or(Value::Null, |wanted| neutral(schema, &pointer, wanted));
                (field.to_owned(), value)
            });
            Value::Object(fields.collect::<Map<_, _>>())
        }
        _ => Value::from("x"),
    }
}
