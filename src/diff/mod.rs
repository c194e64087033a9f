//! What changes between two sets of objects, and what that does to a running cluster.
//!
//! In come two [`Side`]s, as they were rendered, read from files or asked from a server. Out comes a [`Comparison`]: for each object what differs, and for
//! each difference its [`Class`], by the table in [`rules`]. Writing it for people and machines is the part of [`write`].

mod class;
mod conf;
mod defaults;
mod noise;
mod object;
mod origin;
mod path;
pub mod rules;
mod secrets;
mod tree;
pub(crate) mod workload;
pub mod write;

use std::cell::OnceCell;

use serde_json::Value;

pub use class::Class;
pub use object::{Id, Mistake, Object, Side};
pub use origin::Spec;
pub use path::Path;
pub use rules::{Judge, Rule};
pub use secrets::{Secrets, hide_shapes};
pub(crate) use secrets::{is_secret_directive, is_secret_name, secret_shapes};

use crate::{document::install_rank, error::Place};
use rules::Facts;
use tree::Difference;

/// What happens to an object.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Action {
    /// It is new.
    Add,
    /// It stays, and something of it changes.
    Change,
    /// It is gone.
    Remove,
}

/// One value that changes, and what that does. Values may be secret: only [`Comparison::shown`] may be shown.
pub struct Change {
    /// Where in the object; the root when all of it comes or goes.
    pub path: Path,
    /// The value before.
    pub old: Option<Value>,
    /// The value after.
    pub new: Option<Value>,
    /// The rule that says what it does.
    pub rule: &'static Rule,
    /// What it does, in a few words.
    pub effect: String,
    /// The pods that it concerns, by name.
    pub pods: Vec<String>,
    /// The place in a spec that it comes from, where that is known.
    pub spec: Option<Place>,
}

impl Change {
    /// How much it does.
    pub fn class(&self) -> Class {
        self.rule.class
    }
}

/// What changes of one object.
pub struct ObjectChange {
    /// The object.
    pub id: Id,
    /// What happens to it.
    pub action: Action,
    /// What changes, by path; never empty.
    pub changes: Vec<Change>,
    /// The object on the old side.
    pub old: Option<Object>,
    /// The object on the new side.
    pub new: Option<Object>,
}

impl ObjectChange {
    /// The worst class of its changes.
    pub fn class(&self) -> Class {
        self.changes.iter().map(Change::class).max().unwrap_or(Class::None)
    }
}

/// All that changes, in the order in which Helm and Argo CD apply.
pub struct Comparison {
    /// The objects that change.
    pub objects: Vec<ObjectChange>,
    sides: [Side; 2],
    secrets: OnceCell<Secrets>,
}

impl Comparison {
    /// The worst class of all changes.
    pub fn class(&self) -> Class {
        self.objects.iter().map(ObjectChange::class).max().unwrap_or(Class::None)
    }

    /// All changes, each with its object.
    pub fn changes(&self) -> impl Iterator<Item = (&ObjectChange, &Change)> {
        self.objects
            .iter()
            .flat_map(|object| object.changes.iter().map(move |change| (object, change)))
    }

    /// The side before and the side after.
    pub fn sides(&self) -> (&Side, &Side) {
        (&self.sides[0], &self.sides[1])
    }

    /// What must not be shown.
    pub fn secrets(&self) -> &Secrets {
        self.secrets.get_or_init(|| Secrets::of([&self.sides[0], &self.sides[1]]))
    }

    /// A value of a change as it may be shown.
    pub fn shown(&self, object: &ObjectChange, change: &Change, value: &Value) -> Value {
        self.secrets().hide_value(&object.id.kind, &change.path, value)
    }
}

/// Compares two sides and judges every change. `specs` are what the new side was rendered from, as far as it was.
pub fn compare(before: Side, after: Side, specs: &[Spec], judge: &Judge) -> Comparison {
    let (before, after) = align(before, after);
    let mut objects: Vec<ObjectChange> = Vec::new();
    for old in &before.objects {
        let new = after.find(&old.id);
        let differences = match new {
            Some(new) => differences(old, new),
            None => vec![whole()],
        };
        objects.extend(judged(Some(old), new, differences, (&before, &after), specs, judge));
    }
    for new in after.objects.iter().filter(|new| before.find(&new.id).is_none()) {
        objects.extend(judged(None, Some(new), vec![whole()], (&before, &after), specs, judge));
    }
    objects.sort_by(|a, b| order(a).cmp(&order(b)));
    Comparison { objects, sides: [before, after], secrets: OnceCell::new() }
}

/// As Helm and Argo CD apply; of one kind first what changes, then what goes, then what comes. So the order does not hang on hashes in names.
fn order(object: &ObjectChange) -> (usize, &str, &str, &str, u8, &str) {
    let id = &object.id;
    let action = match object.action {
        Action::Change => 0,
        Action::Remove => 1,
        Action::Add => 2,
    };
    (install_rank(&id.kind), &id.group, &id.kind, &id.namespace, action, &id.name)
}

/// The whole object.
fn whole() -> Difference {
    Difference { path: Path::default(), old: None, new: None, same: false, directive: false }
}

fn differences(old: &Object, new: &Object) -> Vec<Difference> {
    let mut found = tree::differences(&old.id.kind, &old.value, &new.value, old.live);
    if old.live || new.live {
        // Manifests without a namespace are put where the object is.
        found.retain(|found| !found.path.is("metadata namespace"));
    }
    found
}

/// Gives objects of the new side that name no namespace, or the only ones that do, the identity of their counterpart.
fn align(before: Side, mut after: Side) -> (Side, Side) {
    let mut before = before;
    // The last of two objects with one identity wins, as when they are applied.
    for side in [&mut before, &mut after] {
        let mut objects: Vec<Object> = Vec::new();
        for object in side.objects.drain(..) {
            match objects.iter_mut().find(|other| other.id == object.id) {
                Some(other) => *other = object,
                None => objects.push(object),
            }
        }
        side.objects = objects;
    }
    let taken: Vec<Id> = after.objects.iter().map(|object| object.id.clone()).collect();
    for new in &mut after.objects {
        if before.find(&new.id).is_some() {
            continue;
        }
        let mut same = before.objects.iter().filter(|old| {
            let (a, b) = (&old.id, &new.id);
            (&a.group, &a.kind, &a.name) == (&b.group, &b.kind, &b.name)
                && a.namespace.is_empty() != b.namespace.is_empty()
                && !taken.contains(a)
        });
        if let (Some(old), None) = (same.next(), same.next()) {
            new.id = old.id.clone();
        }
    }
    (before, after)
}

fn judged(
    old: Option<&Object>,
    new: Option<&Object>,
    differences: Vec<Difference>,
    (before, after): (&Side, &Side),
    specs: &[Spec],
    judge: &Judge,
) -> Option<ObjectChange> {
    let object = new.or(old)?;
    let id = &old.unwrap_or(object).id;
    let changes: Vec<Change> = differences
        .into_iter()
        .filter_map(|difference| {
            let facts = Facts { id, old, new, difference: &difference, before, after };
            let (rule, effect) = judge.judge(&facts)?;
            let pods = facts.pods(rule.pods);
            let spec = origin::place(specs, object, &difference);
            let Difference { path, old, new, .. } = difference;
            Some(Change { path, old, new, rule, effect, pods, spec })
        })
        .collect();
    if changes.is_empty() {
        return None;
    }
    let action = match (old, new) {
        (None, _) => Action::Add,
        (_, None) => Action::Remove,
        _ => Action::Change,
    };
    Some(ObjectChange { id: id.clone(), action, changes, old: old.cloned(), new: new.cloned() })
}
