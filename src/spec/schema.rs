//! The JSON Schema of a spec: written from the types, committed under `schemas/`, and used to list what does not fit the types when a
//! spec cannot be decoded. A spec that can be decoded never pays for it.

use jsonschema::{ValidationError, error::ValidationErrorKind};
use serde_json::Value;

/// The schema, as it is committed.
pub const TEXT: &str = include_str!("../../schemas/redis-cluster.v1alpha1.schema.json");

/// The schema, parsed.
pub(super) struct Schema(Value);

/// Something that does not fit the schema.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Misfit {
    /// The value that does not fit, as a JSON pointer.
    pub(super) pointer: String,
    /// In what way.
    pub(super) kind: MisfitKind,
}

/// In what way a value does not fit the schema.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum MisfitKind {
    /// It has fields that are not known.
    UnknownFields(Vec<String>),
    /// It lacks a field.
    MissingField(String),
    /// It is of another type, or none of the words that are allowed.
    Wrong,
    /// It is a number out of bounds.
    OutOfBounds,
    /// It breaks a rule for its contents: length or pattern.
    Contents,
}

impl Schema {
    pub(super) fn new() -> Schema {
        Schema(serde_json::from_str(TEXT).unwrap_or_default())
    }

    /// Everything in a spec that does not fit.
    pub(super) fn misfits(&self, spec: &Value) -> Vec<Misfit> {
        let Ok(validator) = jsonschema::validator_for(&self.0) else { return Vec::new() };
        let mut misfits = Vec::new();
        for error in validator.iter_errors(spec) {
            self.collect(&error, &mut misfits);
        }
        misfits
    }

    fn collect(&self, error: &ValidationError<'_>, misfits: &mut Vec<Misfit>) {
        let pointer = error.instance_path().as_str().to_owned();
        let kind = match error.kind() {
            ValidationErrorKind::AdditionalProperties { unexpected } => {
                MisfitKind::UnknownFields(unexpected.clone())
            }
            ValidationErrorKind::Required { property } => {
                MisfitKind::MissingField(property.as_str().unwrap_or_default().to_owned())
            }
            ValidationErrorKind::Minimum { .. } | ValidationErrorKind::Maximum { .. } => {
                MisfitKind::OutOfBounds
            }
            ValidationErrorKind::Pattern { .. }
            | ValidationErrorKind::MinLength { .. }
            | ValidationErrorKind::MaxLength { .. }
            | ValidationErrorKind::MinItems { .. }
            | ValidationErrorKind::MaxItems { .. } => MisfitKind::Contents,
            // An optional value: what is wrong with it when it is there.
            ValidationErrorKind::AnyOf { context } if !error.instance().is_null() => {
                let inside = self.at(&pointer).and_then(|schema| self.optional(schema));
                match inside.and_then(|(index, _)| context.get(index)) {
                    Some(errors) => {
                        errors.iter().for_each(|error| self.collect(error, misfits));
                        return;
                    }
                    None => MisfitKind::Wrong,
                }
            }
            _ => MisfitKind::Wrong,
        };
        misfits.push(Misfit { pointer, kind });
    }

    /// The schema of the value that a pointer names: references followed, an optional value's own schema.
    pub(super) fn of(&self, pointer: &str) -> Option<&Value> {
        Some(self.inside(self.at(pointer)?))
    }

    fn at(&self, pointer: &str) -> Option<&Value> {
        let mut tokens = pointer.split('/').skip(1);
        tokens.try_fold(&self.0, |schema, token| {
            self.below(schema, &token.replace("~1", "/").replace("~0", "~"))
        })
    }

    /// The schema of the whole spec.
    pub(super) fn root(&self) -> &Value {
        &self.0
    }

    /// The schema of what stands under a key or index in a value with this schema.
    pub(super) fn below<'a>(&'a self, schema: &'a Value, token: &str) -> Option<&'a Value> {
        let holder = self.inside(schema);
        let next = holder
            .get("properties")
            .and_then(|properties| properties.get(token))
            .or_else(|| holder.get("items"))
            .or_else(|| holder.get("additionalProperties"))?;
        Some(self.resolve(next))
    }

    /// The schema itself, or that of an optional value when it is there.
    pub(super) fn inside<'a>(&'a self, schema: &'a Value) -> &'a Value {
        self.optional(schema).map_or(schema, |(_, inside)| self.resolve(inside))
    }

    /// Of a schema `anyOf: [SOMETHING, null]`, where `SOMETHING` stands and what it is.
    fn optional<'a>(&self, schema: &'a Value) -> Option<(usize, &'a Value)> {
        let choices = schema.get("anyOf")?.as_array()?;
        let is_null = |choice: &Value| choice.get("type").is_some_and(|of_type| of_type == "null");
        match choices.as_slice() {
            [choice, null] if is_null(null) => Some((0, choice)),
            [null, choice] if is_null(null) => Some((1, choice)),
            _ => None,
        }
    }

    fn resolve<'a>(&'a self, schema: &'a Value) -> &'a Value {
        schema
            .get("$ref")
            .and_then(Value::as_str)
            .and_then(|reference| self.0.pointer(reference.strip_prefix('#')?))
            .unwrap_or(schema)
    }

    /// The names of the fields that the value of a pointer may have.
    pub(super) fn fields(&self, pointer: &str) -> Vec<&str> {
        let properties = self.of(pointer).and_then(|schema| schema.get("properties")?.as_object());
        properties.into_iter().flatten().map(|(name, _)| name.as_str()).collect()
    }

    /// The pointers of all fields of the format, outer ones first.
    pub(super) fn all_fields(&self) -> Vec<String> {
        let mut all = Vec::new();
        let mut level = vec![String::new()];
        while !level.is_empty() {
            let mut next = Vec::new();
            for pointer in level {
                for field in self.fields(&pointer) {
                    next.push(format!("{pointer}/{field}"));
                }
            }
            all.extend(next.iter().cloned());
            level = next;
        }
        all
    }
}

/// The words that a schema allows, where it is a choice of words.
pub(super) fn words(schema: &Value) -> Option<Vec<&str>> {
    if let Some(word) = schema.get("const") {
        return Some(vec![word.as_str()?]);
    }
    if let Some(words) = schema.get("enum") {
        return words.as_array()?.iter().map(Value::as_str).collect();
    }
    let choices = schema.get("oneOf")?.as_array()?;
    let words = choices.iter().map(words).collect::<Option<Vec<_>>>()?;
    Some(words.concat())
}

#[cfg(test)]
mod tests {
    use std::{env, fs, path::Path};

    use schemars::{Schema, generate::SchemaSettings, transform::RecursiveTransform};
    use serde_json::{Map, Value, json};

    use super::TEXT;
    use crate::spec::types::RedisCluster;

    /// What the types mean, in words that editors show well.
    fn generate() -> String {
        let settings = SchemaSettings::draft2020_12().with_transform(RecursiveTransform(tidy));
        let schema = settings.into_generator().into_root_schema_for::<RedisCluster>().to_value();
        let mut fields = schema.as_object().expect("a schema of a struct is a mapping").clone();
        // What identifies the schema comes first.
        let mut schema = Map::new();
        schema.insert("$schema".to_owned(), fields["$schema"].take());
        schema.insert(
            "$id".to_owned(),
            json!("https://redis-cluster-gen.dev/schemas/redis-cluster.v1alpha1.schema.json"),
        );
        schema.insert("title".to_owned(), json!("A spec of redis-cluster-gen, v1alpha1"));
        fields.retain(|key, _| !schema.contains_key(key));
        schema.extend(fields);
        let mut text = serde_json::to_string_pretty(&schema).expect("a schema is JSON");
        text.push('\n');
        text
    }

    fn tidy(schema: &mut Schema) {
        let Some(fields) = schema.as_object_mut() else { return };
        // The format says what the type of the program holds; validators know nothing of it.
        let format = fields.shift_remove("format");
        if format.is_some_and(|format| format == "uint32") {
            fields.entry("maximum").or_insert_with(|| json!(u32::MAX));
        }
        if let Some(properties) = fields.get_mut("properties").and_then(Value::as_object_mut) {
            for property in properties.values_mut().filter_map(Value::as_object_mut) {
                // A missing key says it; and the fields of a mapping have their own.
                let of_fields = property.contains_key("$ref")
                    && property.get("default").is_some_and(Value::is_object);
                if of_fields || property.get("default").is_some_and(Value::is_null) {
                    property.shift_remove("default");
                }
            }
        }
        // Doc comments are wrapped for the source, not for the reader.
        if let Some(Value::String(description)) = fields.get_mut("description") {
            *description = description.replace('\n', " ");
        }
    }

    #[test]
    fn the_committed_schema_is_what_the_types_say() {
        let path = Path::new(env!("CARGO_MANIFEST_DIR"))
            .join("schemas/redis-cluster.v1alpha1.schema.json");
        let generated = generate();
        if env::var_os("BLESS").is_some() {
            fs::write(&path, &generated).expect("the schema can be written");
        } else {
            assert!(generated == TEXT, "the schema is not current; run `make bless`");
        }
    }
}
