//! `explain`: what a field of a spec means, from the JSON Schema; what a directive of `spec.config` takes, from the
//! table of directives; and why a rule is one, from the table of rules.

use std::mem;

use redis_cluster_gen::{
    diff::rules as changes,
    error::Error,
    spec::{
        directives::{Directive, Kind, Status},
        rules::{self, RULES, Rule},
        schema, suggest,
        types::EngineName,
    },
};
use serde_json::Value;

use super::Answer;
use crate::{cli::Explain, output};

pub(crate) fn run(args: &Explain) -> Result<Answer, Error> {
    let topic = args.topic.as_deref().unwrap_or_default();
    let text = match rule(topic)? {
        Some(Explained::Problem(rule)) => explain_rule(rule),
        Some(Explained::Change(rule)) => explain_change(rule),
        None => {
            let schema = Schema::parse()?;
            match directive(topic)? {
                Some(directive) => explain_directive(directive),
                None => schema.explain(&schema.find(topic)?, args.recursive),
            }
        }
    };
    output::print(text)?;
    Ok(Answer::Yes)
}

/// A rule about specs, or one about changes.
enum Explained {
    Problem(&'static Rule),
    Change(&'static changes::Rule),
}

/// The rule that a topic names by its code or its name, if it names one.
fn rule(topic: &str) -> Result<Option<Explained>, Error> {
    if let Some(rule) = rules::find(topic) {
        return Ok(Some(Explained::Problem(rule)));
    }
    if let Some(rule) = changes::find(topic) {
        return Ok(Some(Explained::Change(rule)));
    }
    // No field has a dash in its name, nor digits after this prefix.
    let code = topic.get(..3).filter(|prefix| prefix.eq_ignore_ascii_case("RCG"));
    let is_code = code.is_some() && topic[3..].bytes().all(|byte| byte.is_ascii_digit());
    let is_name = topic.contains('-') && !topic.contains('.') && Directive::find(topic).is_none();
    if !is_code && !is_name {
        return Ok(None);
    }
    let problems = RULES.iter().map(|rule| (rule.code, rule.name));
    let all = problems.chain(changes::RULES.iter().map(|rule| (rule.code, rule.name)));
    let hint = suggest::closest(topic, all.map(|(code, name)| if is_code { code } else { name }));
    let hint = hint.map_or_else(String::new, |hint| format!("; did you mean `{hint}`?"));
    Err(Error::Usage(format!("there is no rule `{topic}`{hint}")))
}

/// The directive that a topic names: by its path below `spec.config`, or by its bare name where no field has it.
fn directive(topic: &str) -> Result<Option<Directive>, Error> {
    let path = topic.strip_prefix("RedisCluster.").unwrap_or(topic);
    let path = path.strip_prefix("spec.").unwrap_or(path);
    let Some(name) = path.strip_prefix("config.").filter(|name| !name.is_empty()) else {
        return Ok(Directive::find(topic).filter(|_| topic.contains('-')));
    };
    let directive = Directive::find(&name.to_ascii_lowercase());
    directive.map(Some).ok_or_else(|| {
        let hint = suggest::closest(name, Directive::all().map(|directive| directive.name));
        let hint = hint.map_or_else(String::new, |hint| format!("; did you mean `{hint}`?"));
        Error::Usage(format!("no supported engine knows the directive `{name}`{hint}"))
    })
}

fn explain_directive(directive: Directive) -> String {
    let name = directive.name;
    let mut text = format!("FIELD: spec.config.{name}\n");
    if let Some(instead) = rules::directive_owner(name) {
        text += "\nINSTEAD:\n";
        wrap(instead, "    ", &mut text);
    }
    text += "\nTAKES:\n";
    let takes = match directive.kind() {
        Kind::Bool => "true or false".to_owned(),
        Kind::Integer(least, most) => format!("a whole number{}", bounds(least, most)),
        Kind::Integers(count, least, most) => {
            format!("{count} whole numbers, each{}", bounds(least, most))
        }
        Kind::Memory(least) => {
            let least = if least > 0 { format!(", at least {least}") } else { String::new() };
            format!("bytes, such as 64mb{least}")
        }
        Kind::MemoryOrPercent => {
            "bytes, such as 64mb, or a part of maxmemory, such as 5%".to_owned()
        }
        Kind::Flags => "letters for classes of keyspace events, or nothing".to_owned(),
        Kind::Enum(words) => format!("one of {}", words.split(' ').collect::<Vec<_>>().join(", ")),
        Kind::Text => "text".to_owned(),
    };
    wrap(&takes, "    ", &mut text);
    text += "\nVERSIONS:\n";
    for engine in [EngineName::Redis, EngineName::Valkey] {
        for (version, status) in directive.statuses(engine) {
            let engine = format!("{engine:?}");
            text += &format!("    {engine:6} {version}  {}\n", meaning(status));
        }
    }
    text
}

/// ` from 1 to 99`, as far as there are bounds.
fn bounds(least: i64, most: i64) -> String {
    let mut text = String::new();
    if least > i64::MIN {
        text += &format!(" from {least}");
    }
    // The largest number that there is is no bound that one would look up.
    if most < i64::from(u32::MAX) {
        text += &format!(" to {most}");
    }
    text
}

fn meaning(status: Status) -> &'static str {
    match status {
        Status::Unknown => "unknown: the server would not start",
        Status::Live => "changed while the servers run",
        Status::Restart => "takes effect when a server starts",
        Status::Ignored => "accepted, without effect",
    }
}

fn explain_rule(rule: &Rule) -> String {
    let mut text = format!("RULE:      {}\nNAME:      {}\n", rule.code, rule.name);
    text += &format!("SEVERITY:  {}\n\n", rule.severity);
    wrap(rule.title, "", &mut text);
    text.push('\n');
    wrap(rule.story, "", &mut text);
    text
}

fn explain_change(rule: &changes::Rule) -> String {
    let mut text = format!("RULE:       {}\nNAME:       {}\n", rule.code, rule.name);
    text += &format!("CLASS:      {} ({})\n", rule.class, rule.class.meaning());
    let versions = rule.kubernetes.iter().map(|(from, to)| match from == to {
        true => format!("1.{from}"),
        false => format!("1.{from} to 1.{to}"),
    });
    if !rule.kubernetes.is_empty() {
        text += &format!("KUBERNETES: {}\n", versions.collect::<Vec<_>>().join(", "));
    }
    text.push('\n');
    wrap(rule.title, "", &mut text);
    text.push('\n');
    wrap(rule.story, "", &mut text);
    if !rule.next.is_empty() {
        text += "\nNEXT:\n";
        wrap(rule.next, "    ", &mut text);
    }
    text += &format!("\nSOURCE:\n    {}\n", rule.source);
    text
}

/// The JSON Schema of a spec file.
struct Schema {
    root: Value,
}

/// A field: its path from the root, and the schema that it is used with.
#[derive(Clone)]
struct Field<'a> {
    path: String,
    schema: &'a Value,
    required: bool,
}

/// A path that leads nowhere: the last field on the way, and what it does not have.
struct Missing<'a> {
    within: Field<'a>,
    depth: usize,
    name: String,
}

/// No field is as deep; it ends types that contain themselves.
const DEEPEST: usize = 16;

/// What fits into a terminal.
const WIDTH: usize = 80;

// Finding.
impl Schema {
    fn parse() -> Result<Schema, Error> {
        let root = serde_json::from_str(schema::TEXT).map_err(|error| {
            Error::Usage(format!("the schema in this program cannot be read: {error}"))
        })?;
        Ok(Schema { root })
    }

    fn root(&self) -> Field<'_> {
        Field { path: String::new(), schema: &self.root, required: true }
    }

    /// Finds a field by its path from the root or from `spec`.
    fn find(&self, path: &str) -> Result<Field<'_>, Error> {
        let names: Vec<_> = path
            .split('.')
            // `patches[0]`, or `patches[]`, is an item of `patches`, and so explained.
            .map(|name| name.split_once('[').map_or(name, |(name, _)| name))
            .filter(|name| !name.is_empty())
            .collect();
        let names = match names.as_slice() {
            // kubectl's paths begin with the kind.
            [kind, names @ ..] if kind.eq_ignore_ascii_case("RedisCluster") => names,
            names => names,
        };
        let from_root = self.walk(self.root(), names);
        let found = from_root.or_else(|missing| {
            let from_spec = self.walk(self.root(), &["spec"]);
            let found = from_spec.and_then(|spec| self.walk(spec, names));
            // Of two ways that end, the longer one was meant.
            found.map_err(|other| if missing.depth > other.depth { missing } else { other })
        });
        found.map_err(|missing| self.unknown(&missing))
    }

    fn walk<'a>(&'a self, from: Field<'a>, names: &[&str]) -> Result<Field<'a>, Missing<'a>> {
        let mut field = from;
        for (depth, name) in names.iter().enumerate() {
            let Some(child) = self.child(&field, name) else {
                return Err(Missing { within: field, depth, name: (*name).to_owned() });
            };
            field = child;
        }
        Ok(field)
    }

    fn child<'a>(&'a self, field: &Field<'a>, name: &str) -> Option<Field<'a>> {
        if let Some(child) = self.children(field).into_iter().find(|child| child.name() == name) {
            return Some(child);
        }
        let values = self.items(field.schema).get("additionalProperties")?;
        values.is_object().then(|| field.below(name, values, false))
    }

    /// The fields of an object, or of the objects in a list.
    fn children<'a>(&'a self, field: &Field<'a>) -> Vec<Field<'a>> {
        let schema = self.items(field.schema);
        let required: Vec<_> = schema
            .get("required")
            .and_then(Value::as_array)
            .map(|names| names.iter().filter_map(Value::as_str).collect())
            .unwrap_or_default();
        let fields = schema.get("properties").and_then(Value::as_object).into_iter().flatten();
        fields
            .map(|(name, schema)| field.below(name, schema, required.contains(&name.as_str())))
            .collect()
    }

    fn unknown(&self, missing: &Missing<'_>) -> Error {
        let Missing { within, name, .. } = missing;
        let path = &within.path;
        let place = if path.is_empty() { "a spec".to_owned() } else { format!("`{path}`") };
        let mut message = format!("{place} has no field `{name}`");
        let siblings = self.children(within);
        let similar = suggest::closest(name, siblings.iter().map(Field::name));
        let similar = siblings.iter().find(|field| Some(field.name()) == similar);
        let elsewhere: Vec<_> = self
            .all()
            .into_iter()
            .filter(|field| field.name().eq_ignore_ascii_case(name))
            .collect();
        let hints: Vec<_> = match similar {
            Some(field) => vec![field],
            None => elsewhere.iter().take(3).collect(),
        };
        if hints.is_empty() && siblings.is_empty() {
            message += ", and no other";
        } else if hints.is_empty() {
            let names: Vec<_> = siblings.iter().map(Field::name).collect();
            message += &format!("; it has {}", names.join(", "));
        } else {
            let paths: Vec<_> = hints.iter().map(|field| format!("`{}`", field.path)).collect();
            message += &format!("; did you mean {}?", paths.join(" or "));
        }
        Error::Usage(message)
    }

    /// All fields, the shallow ones first.
    fn all(&self) -> Vec<Field<'_>> {
        let mut all = Vec::new();
        let mut level = vec![self.root()];
        for _ in 0..DEEPEST {
            level = level.iter().flat_map(|field| self.children(field)).collect();
            all.extend(level.iter().cloned());
        }
        all
    }
}

impl<'a> Field<'a> {
    fn below(&self, name: &str, schema: &'a Value, required: bool) -> Field<'a> {
        let dot = if self.path.is_empty() { "" } else { "." };
        Field { path: format!("{}{dot}{name}", self.path), schema, required }
    }

    fn name(&self) -> &str {
        self.path.rsplit('.').next().unwrap_or_default()
    }
}

// What schemars writes.
impl Schema {
    /// What a schema refers to, without `null` as an alternative.
    fn target<'a>(&'a self, schema: &'a Value) -> &'a Value {
        let mut schema = schema;
        for _ in 0..DEEPEST {
            let reference = schema.get("$ref").and_then(Value::as_str);
            let target = reference.and_then(|path| self.root.pointer(path.strip_prefix('#')?));
            match (target, self.alternatives(schema).as_slice()) {
                (Some(target), _) => schema = target,
                (None, [only]) => schema = only,
                _ => break,
            }
        }
        schema
    }

    /// The schema of what is in a list, or in a list of lists.
    fn items<'a>(&'a self, schema: &'a Value) -> &'a Value {
        let mut schema = self.target(schema);
        while let Some(items) = schema.get("items") {
            schema = self.target(items);
        }
        schema
    }

    fn alternatives<'a>(&'a self, schema: &'a Value) -> Vec<&'a Value> {
        let any = schema.get("anyOf").and_then(Value::as_array);
        let is_null = |schema: &Value| schema.get("type").is_some_and(|kind| kind == "null");
        any.into_iter().flatten().filter(|schema| !is_null(schema)).collect()
    }

    /// The only values that a field takes, each with its meaning.
    fn values<'a>(&'a self, schema: &'a Value) -> Vec<(&'a Value, &'a str)> {
        let schema = self.items(schema);
        let meaning = description(schema);
        if let Some(value) = schema.get("const") {
            return vec![(value, meaning)];
        }
        if let Some(values) = schema.get("enum").and_then(Value::as_array) {
            return values.iter().map(|value| (value, "")).collect();
        }
        let one = schema.get("oneOf").and_then(Value::as_array);
        one.into_iter().flatten().flat_map(|schema| self.values(schema)).collect()
    }

    /// `string`, `[]Object`, `map[string]string`, `boolean or integer`
    fn type_name(&self, schema: &Value) -> String {
        let schema = self.target(schema);
        if let Some(items) = schema.get("items") {
            return format!("[]{}", self.type_name(items));
        }
        if let Some(values) = schema.get("additionalProperties").filter(|value| value.is_object()) {
            return format!("map[string]{}", self.type_name(values));
        }
        let mut names: Vec<String> = match schema.get("type") {
            Some(Value::String(name)) => vec![name.clone()],
            Some(Value::Array(names)) => {
                names.iter().filter_map(Value::as_str).map(str::to_owned).collect()
            }
            _ => {
                let one = schema.get("oneOf").and_then(Value::as_array).into_iter().flatten();
                let alternatives = self.alternatives(schema).into_iter().chain(one);
                alternatives.map(|schema| self.type_name(schema)).collect()
            }
        };
        names.retain(|name| name != "null");
        let mut distinct: Vec<String> = Vec::new();
        for name in names {
            let name = if name == "object" { "Object".to_owned() } else { name };
            if !distinct.contains(&name) {
                distinct.push(name);
            }
        }
        if distinct.is_empty() { "any".to_owned() } else { distinct.join(" or ") }
    }
}

// Telling.
impl Schema {
    fn explain(&self, field: &Field<'_>, recursive: bool) -> String {
        let mut text = String::from("KIND:     RedisCluster\n");
        for (value, _) in self.values(&self.root["properties"]["apiVersion"]) {
            text += &format!("VERSION:  {}\n", plain(value));
        }
        if !field.path.is_empty() {
            text += &format!("\nFIELD: {}{}\n", field.path, self.traits(field));
        }
        let meaning = match description(field.schema) {
            "" => description(self.items(field.schema)),
            meaning => meaning,
        };
        if !meaning.is_empty() {
            text += "\nDESCRIPTION:\n";
            wrap(meaning, "    ", &mut text);
        }
        self.values_and_bounds(field, &mut text);
        let children = self.children(field);
        if !children.is_empty() {
            text += "\nFIELDS:\n";
            if recursive {
                self.tree(&children, 1, &mut text);
            } else {
                for child in children {
                    text += &format!("  {}{}\n", child.name(), self.traits(&child));
                    wrap(first_sentence(description(child.schema)), "    ", &mut text);
                }
            }
        }
        text
    }

    /// ` <integer> -required-`
    fn traits(&self, field: &Field<'_>) -> String {
        let mut text = format!(" <{}>", self.type_name(field.schema));
        if field.required {
            text += " -required-";
        }
        text
    }

    fn values_and_bounds(&self, field: &Field<'_>, text: &mut String) {
        let values = self.values(field.schema);
        if !values.is_empty() {
            *text += "\nVALUES:\n";
        }
        for (value, meaning) in values {
            *text += &format!("  {}\n", plain(value));
            wrap(meaning, "    ", text);
        }
        let target = self.target(field.schema);
        let alternatives = self.alternatives(target);
        if !alternatives.is_empty() {
            *text += "\nONE OF:\n";
        }
        for schema in alternatives {
            *text += &format!("  <{}>\n", self.type_name(schema));
            wrap(description(schema), "    ", text);
        }
        let mut lines = String::new();
        for (key, title) in [
            ("default", "DEFAULT"),
            ("minimum", "MINIMUM"),
            ("maximum", "MAXIMUM"),
            ("minLength", "MINIMUM LENGTH"),
            ("maxLength", "MAXIMUM LENGTH"),
            ("minItems", "MINIMUM ITEMS"),
            ("maxItems", "MAXIMUM ITEMS"),
            ("pattern", "PATTERN"),
        ] {
            let value = field.schema.get(key).or_else(|| target.get(key));
            // The default of an object is told by its fields.
            if let Some(value) = value.filter(|value| !value.is_null() && !value.is_object()) {
                lines += &format!("{title}: {}\n", plain(value));
            }
        }
        if !lines.is_empty() {
            *text += "\n";
            *text += &lines;
        }
    }

    fn tree(&self, fields: &[Field<'_>], depth: usize, text: &mut String) {
        for field in fields {
            *text += &format!("{:1$}{2}{3}\n", "", 2 * depth, field.name(), self.traits(field));
            if depth < DEEPEST {
                self.tree(&self.children(field), depth + 1, text);
            }
        }
    }
}

fn description(schema: &Value) -> &str {
    schema.get("description").and_then(Value::as_str).unwrap_or_default()
}

/// A value as one writes it in a spec, as far as it is simple.
fn plain(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

fn first_sentence(text: &str) -> &str {
    let paragraph = text.split("\n\n").next().unwrap_or_default();
    let mut ends = paragraph.match_indices(". ").chain(paragraph.match_indices(".\n"));
    ends.by_ref().map(|(end, _)| end).min().map_or(paragraph, |end| &paragraph[..=end])
}

/// Writes paragraphs in lines of [`WIDTH`], each after `indent`. Lists keep their items, and examples, which are indented, their lines.
fn wrap(text: &str, indent: &str, out: &mut String) {
    for (index, paragraph) in text.split("\n\n").enumerate() {
        if index > 0 {
            out.push('\n');
        }
        let mut line = String::new();
        for source in paragraph.lines() {
            let is_example = source.starts_with("    ");
            if is_example || source.starts_with("- ") || source.starts_with("* ") {
                end_line(&mut line, indent, out);
            }
            if is_example {
                line += source;
                end_line(&mut line, indent, out);
                continue;
            }
            for word in source.split_whitespace() {
                if !line.is_empty() && indent.len() + line.len() + 1 + word.len() > WIDTH {
                    end_line(&mut line, indent, out);
                }
                if !line.is_empty() {
                    line.push(' ');
                }
                line += word;
            }
        }
        end_line(&mut line, indent, out);
    }
}

fn end_line(line: &mut String, indent: &str, out: &mut String) {
    if !line.is_empty() {
        *out += &format!("{indent}{}\n", mem::take(line));
    }
}
