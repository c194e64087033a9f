//! The objects that are compared: what identifies them, and what they know about where they come from.

use std::{fmt, sync::Arc};

use serde_json::Value;

use super::noise;
use crate::{
    error::{Place, Source},
    yaml::{
        Node,
        manifests::{self, Unreadable},
    },
};

/// What makes an object the same object. The version of its API is no part of it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Id {
    /// The API group, such as `apps`; empty for the core.
    pub group: String,
    /// The kind, such as `StatefulSet`.
    pub kind: String,
    /// The namespace; empty where the object names none.
    pub namespace: String,
    /// The name.
    pub name: String,
}

impl Id {
    /// The identity of an object, if it has a kind and a name.
    pub fn of(value: &Value) -> Option<Id> {
        let text = |pointer: &str| value.pointer(pointer).and_then(Value::as_str);
        let api_version = text("/apiVersion")?;
        Some(Id {
            group: api_version.split_once('/').map_or("", |(group, _)| group).to_owned(),
            kind: text("/kind")?.to_owned(),
            namespace: text("/metadata/namespace").unwrap_or_default().to_owned(),
            name: text("/metadata/name")?.to_owned(),
        })
    }
}

/// `StatefulSet shop/orders`
impl fmt::Display for Id {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let slash = if self.namespace.is_empty() { "" } else { "/" };
        write!(f, "{} {}{slash}{}", self.kind, self.namespace, self.name)
    }
}

/// One object of a side.
#[derive(Debug, Clone)]
pub struct Object {
    /// What identifies it.
    pub id: Id,
    /// The whole object, without what a server adds.
    pub value: Value,
    /// Whether it was read from a server: then it carries fields that nobody wrote.
    pub live: bool,
    /// Where it was read; none for what was just rendered.
    pub place: Option<Place>,
    /// The spec that it comes from, by its place among the specs of the run.
    pub spec: Option<usize>,
}

impl Object {
    /// An object, without noise.
    pub fn new(mut value: Value, place: Option<Place>) -> Option<Object> {
        let id = Id::of(&value)?;
        let live = noise::remove(&mut value);
        Some(Object { id, value, live, place, spec: None })
    }

    /// The value at a JSON pointer.
    pub fn get(&self, pointer: &str) -> Option<&Value> {
        self.value.pointer(pointer)
    }

    /// The text at a JSON pointer; empty where there is none.
    pub fn text(&self, pointer: &str) -> &str {
        self.get(pointer).and_then(Value::as_str).unwrap_or_default()
    }
}

/// The objects of one side.
#[derive(Debug, Clone, Default)]
pub struct Side {
    /// In the order in which they were met.
    pub objects: Vec<Object>,
}

/// What else can be in a file beside objects.
#[derive(Debug)]
pub enum Mistake {
    /// The text cannot be read as YAML or JSON.
    Unreadable(Unreadable),
    /// A document is no Kubernetes object, at these bytes.
    NoObject(usize),
}

impl Side {
    /// Adds the objects of a text; lists of objects are taken apart, and a kustomization is left out.
    ///
    /// # Errors
    /// The first mistake.
    pub fn read(&mut self, source: &Arc<Source>) -> Result<(), Mistake> {
        for document in manifests::documents(&source.text).map_err(Mistake::Unreadable)? {
            self.add(source, &document)?;
        }
        Ok(())
    }

    fn add(&mut self, source: &Arc<Source>, node: &Node) -> Result<(), Mistake> {
        let text = |key: &str| match node.get(key).map(|entry| &entry.value.kind) {
            Some(crate::yaml::Kind::String(text)) => text.as_str(),
            _ => "",
        };
        let (kind, api_version) = (text("kind"), text("apiVersion"));
        if kind.ends_with("List")
            && let Some(items) = node.get("items")
        {
            if let crate::yaml::Kind::List(items) = &items.value.kind {
                for item in items {
                    self.add(source, item)?;
                }
            }
            return Ok(());
        }
        if api_version.starts_with("kustomize.config.k8s.io/") {
            return Ok(());
        }
        let place = Place { source: Arc::clone(source), span: node.span.clone() };
        let object =
            Object::new(node.to_json(), Some(place)).ok_or(Mistake::NoObject(node.span.start))?;
        self.objects.push(object);
        Ok(())
    }

    /// The object with an identity.
    pub fn find(&self, id: &Id) -> Option<&Object> {
        self.objects.iter().find(|object| object.id == *id)
    }

    /// The objects of a kind.
    pub fn of_kind<'a>(&'a self, kind: &'a str) -> impl Iterator<Item = &'a Object> {
        self.objects.iter().filter(move |object| object.id.kind == kind)
    }
}
