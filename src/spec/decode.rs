//! Decodes a spec's types from the nodes of its text.
//!
//! Unlike serde_json it takes no list for a struct: `storage: [10Gi]` is a mistake, not a size.

use serde::{
    Deserialize, Deserializer,
    de::{
        Error as _, IntoDeserializer, Unexpected, Visitor,
        value::{BorrowedStrDeserializer, Error, MapDeserializer, SeqDeserializer},
    },
    forward_to_deserialize_any,
};
use serde_json::{Number, Value};

use super::types::RedisCluster;
use crate::yaml::{Entry, Kind, Node};

/// The spec that a tree of nodes means.
///
/// # Errors
/// The first of the reasons why it means none.
pub(super) fn decode(root: &Node) -> Result<RedisCluster, Error> {
    RedisCluster::deserialize(Decoder(root))
}

/// Decodes a value that was never written, as if it was.
pub(super) fn decode_value(value: &Value) -> Result<RedisCluster, Error> {
    decode(&node(value))
}

fn node(value: &Value) -> Node {
    let kind = match value {
        Value::Null => Kind::Null,
        Value::Bool(bool) => Kind::Bool(*bool),
        Value::Number(number) => Kind::Number(number.clone()),
        Value::String(string) => Kind::String(string.clone()),
        Value::Array(items) => Kind::List(items.iter().map(node).collect()),
        Value::Object(fields) => {
            let entry = |(key, value): (&String, &Value)| Entry {
                key: key.clone(),
                key_span: 0..0,
                value: node(value),
            };
            Kind::Map(fields.iter().map(entry).collect())
        }
    };
    Node { kind, span: 0..0 }
}

#[derive(Clone, Copy)]
struct Decoder<'de>(&'de Node);

impl<'de> IntoDeserializer<'de, Error> for Decoder<'de> {
    type Deserializer = Decoder<'de>;

    fn into_deserializer(self) -> Decoder<'de> {
        self
    }
}

impl<'de> Decoder<'de> {
    fn map<V: Visitor<'de>>(entries: &'de [Entry], visitor: V) -> Result<V::Value, Error> {
        let entries = entries
            .iter()
            .map(|entry| (BorrowedStrDeserializer::new(&entry.key), Decoder(&entry.value)));
        let mut map = MapDeserializer::new(entries);
        let value = visitor.visit_map(&mut map)?;
        map.end()?;
        Ok(value)
    }

    fn unexpected(self) -> Unexpected<'de> {
        match &self.0.kind {
            Kind::Null => Unexpected::Unit,
            Kind::Bool(bool) => Unexpected::Bool(*bool),
            Kind::Number(number) => unexpected_number(number),
            Kind::String(string) => Unexpected::Str(string),
            Kind::List(_) => Unexpected::Seq,
            Kind::Map(_) => Unexpected::Map,
        }
    }
}

fn unexpected_number(number: &Number) -> Unexpected<'static> {
    match (number.as_u64(), number.as_i64()) {
        (Some(number), _) => Unexpected::Unsigned(number),
        (None, Some(number)) => Unexpected::Signed(number),
        (None, None) => Unexpected::Float(number.as_f64().unwrap_or_default()),
    }
}

impl<'de> Deserializer<'de> for Decoder<'de> {
    type Error = Error;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        match &self.0.kind {
            Kind::Null => visitor.visit_unit(),
            Kind::Bool(bool) => visitor.visit_bool(*bool),
            Kind::Number(number) => match (number.as_u64(), number.as_i64()) {
                (Some(number), _) => visitor.visit_u64(number),
                (None, Some(number)) => visitor.visit_i64(number),
                (None, None) => visitor.visit_f64(number.as_f64().unwrap_or_default()),
            },
            Kind::String(string) => visitor.visit_borrowed_str(string),
            Kind::List(items) => {
                let mut items = SeqDeserializer::new(items.iter().map(Decoder));
                let value = visitor.visit_seq(&mut items)?;
                items.end()?;
                Ok(value)
            }
            Kind::Map(entries) => Decoder::map(entries, visitor),
        }
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        match self.0.kind {
            Kind::Null => visitor.visit_none(),
            _ => visitor.visit_some(self),
        }
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> Result<V::Value, Error> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Error> {
        match &self.0.kind {
            Kind::Map(entries) => Decoder::map(entries, visitor),
            _ => Err(Error::invalid_type(self.unexpected(), &visitor)),
        }
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Error> {
        match &self.0.kind {
            Kind::String(word) => visitor.visit_enum(word.as_str().into_deserializer()),
            _ => Err(Error::invalid_type(self.unexpected(), &visitor)),
        }
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf unit unit_struct seq tuple tuple_struct
        map identifier ignored_any
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::decode_value;
    use crate::spec::types::{PersistenceMode, SpreadRule};

    fn spec(spec: &Value) -> Value {
        json!({
            "apiVersion": "redis-cluster-gen.dev/v1alpha1",
            "kind": "RedisCluster",
            "metadata": {"name": "carts"},
            "spec": spec,
        })
    }

    #[test]
    fn every_kind_of_value_is_decoded() {
        let cluster = decode_value(&spec(&json!({
            "engine": {"version": "8.0.6", "image": null},
            "storage": {"size": 1024, "accessModes": ["ReadWriteOnce"]},
            "persistence": {"mode": "None"},
            "topology": {"shards": 5, "spread": {"nodes": "Required"}},
            "config": {"a": true, "b": -1, "c": 1.5, "d": "x", "e": ["y"]},
            "pod": {"env": [{"name": "A", "value": "1"}], "affinity": null},
            "patches": [{"target": {"kind": "Job"}, "merge": {"spec": {"suspend": true}}}],
        })))
        .expect("it is a spec");
        assert_eq!(cluster.spec.topology.shards, 5);
        assert_eq!(cluster.spec.topology.spread.nodes, Some(SpreadRule::Required));
        assert_eq!(cluster.spec.persistence.mode, PersistenceMode::None);
        assert_eq!(cluster.spec.storage.size.as_ref().map(|size| size.whole()), Some(1024));
        assert_eq!(cluster.spec.config.len(), 5);
        assert_eq!(cluster.spec.pod.env[0].typed.value.as_deref(), Some("1"));
        assert_eq!(cluster.spec.patches[0].merge["spec"], json!({"suspend": true}));
    }

    #[test]
    fn what_is_not_what_it_should_be() {
        let whole = json!({"engine": {"version": "8.0.6"}, "storage": {"size": "1Gi"}});
        assert!(decode_value(&spec(&whole)).is_ok());
        for (field, value) in [
            ("storage", json!(["1Gi"])),
            ("topology", json!([])),
            ("pod", json!(null)),
            ("persistence", json!({"mode": ["AOF"]})),
            ("persistence", json!({"mode": {"AOF": null}})),
            ("persistence", json!({"mode": "aof"})),
            ("topology", json!({"shards": 3.0})),
            ("topology", json!({"shards": -3})),
            ("patches", json!([["StatefulSet", {}]])),
            ("nonsense", json!(1)),
        ] {
            let mut spec_of = whole.clone();
            spec_of[field] = value.clone();
            assert!(decode_value(&spec(&spec_of)).is_err(), "{field}: {value}");
        }
    }
}
