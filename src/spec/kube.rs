//! Parts of a spec that are Kubernetes' own types: decoded, and compared with what was written, so that nothing is
//! silently dropped.

use std::{any, borrow::Cow};

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de::DeserializeOwned};
use serde_json::Value;

/// A Kubernetes value as it was written, and as it was understood. Where the two differ, a rule refuses it.
#[derive(Debug, Clone, PartialEq)]
pub struct Kube<T> {
    /// As it was written.
    pub raw: Value,
    /// As it was understood; a default where it was not.
    pub typed: T,
    /// What Kubernetes does not understand in it.
    pub mistakes: Vec<Mistake>,
}

/// Something in a Kubernetes value that Kubernetes does not understand.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mistake {
    /// A JSON pointer below the value; empty for the value itself.
    pub pointer: String,
    /// What is wrong: an unknown field when there is no reason, else the decoder's reason.
    pub reason: Option<String>,
}

/// Decodes a Kubernetes value and lists what Kubernetes does not understand in it.
pub fn decode<T: DeserializeOwned + Serialize + Default>(raw: &Value) -> (T, Vec<Mistake>) {
    match T::deserialize(raw) {
        Ok(typed) => {
            let mut mistakes = Vec::new();
            match serde_json::to_value(&typed) {
                Ok(understood) => {
                    dropped(raw, Some(&understood), &mut String::new(), &mut mistakes);
                }
                Err(error) => mistakes
                    .push(Mistake { pointer: String::new(), reason: Some(error.to_string()) }),
            }
            (typed, mistakes)
        }
        Err(error) => {
            let mistake = Mistake { pointer: String::new(), reason: Some(error.to_string()) };
            (T::default(), vec![mistake])
        }
    }
}

/// Finds keys of `raw` that did not survive decoding.
fn dropped(
    raw: &Value,
    understood: Option<&Value>,
    pointer: &mut String,
    mistakes: &mut Vec<Mistake>,
) {
    let length = pointer.len();
    match raw {
        Value::Object(fields) => {
            for (key, value) in fields {
                pointer.push('/');
                if key.contains(['~', '/']) {
                    pointer.push_str(&key.replace('~', "~0").replace('/', "~1"));
                } else {
                    pointer.push_str(key);
                }
                match understood.and_then(|understood| understood.get(key)) {
                    Some(understood) => dropped(value, Some(understood), pointer, mistakes),
                    // An absent option is not written back.
                    None if value.is_null() => {}
                    None => mistakes.push(Mistake { pointer: pointer.clone(), reason: None }),
                }
                pointer.truncate(length);
            }
        }
        Value::Array(items) => {
            for (index, item) in items.iter().enumerate() {
                pointer.push('/');
                pointer.push_str(&index.to_string());
                dropped(
                    item,
                    understood.and_then(|understood| understood.get(index)),
                    pointer,
                    mistakes,
                );
                pointer.truncate(length);
            }
        }
        _ => {}
    }
}

impl<T> Serialize for Kube<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.raw.serialize(serializer)
    }
}

impl<'de, T: DeserializeOwned + Serialize + Default> Deserialize<'de> for Kube<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Kube<T>, D::Error> {
        // By way of a `Value`, so that Kubernetes' types are compiled for one deserializer only: each costs a minute of linking.
        let raw = Value::deserialize(deserializer)?;
        if !raw.is_object() {
            return Err(serde::de::Error::custom(format!("expected a {}", kind::<T>())));
        }
        let (typed, mistakes) = decode(&raw);
        Ok(Kube { raw, typed, mistakes })
    }
}

impl<T> JsonSchema for Kube<T> {
    fn schema_name() -> Cow<'static, str> {
        kind::<T>().into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "description": format!("As Kubernetes defines `{}`.", kind::<T>()),
            "type": "object",
        })
    }
}

/// The name that Kubernetes uses for a type, such as `Container`.
fn kind<T>() -> &'static str {
    let name = any::type_name::<T>();
    name.rsplit("::").next().unwrap_or(name)
}
