//! Where in an object something is.

use std::fmt;

/// The way to a value, from the root of its object.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Path {
    steps: Vec<Step>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Step {
    /// A field of a mapping.
    Field(String),
    /// An item of a list: its key, or its index.
    Item(String),
    /// A directive in the text of a configuration file.
    Directive(String),
}

impl Path {
    /// The path to a field of what this leads to.
    pub fn field(&self, name: &str) -> Path {
        self.and(Step::Field(name.to_owned()))
    }

    /// The path to an item of the list that this leads to.
    pub fn item(&self, label: impl Into<String>) -> Path {
        self.and(Step::Item(label.into()))
    }

    /// The path to a directive in the text that this leads to.
    pub fn directive(&self, name: &str) -> Path {
        self.and(Step::Directive(name.to_owned()))
    }

    fn and(&self, step: Step) -> Path {
        let mut steps = self.steps.clone();
        steps.push(step);
        Path { steps }
    }

    /// Whether it leads to the object itself.
    pub fn is_root(&self) -> bool {
        self.steps.is_empty()
    }

    /// The names of the fields on the way, `[]` for an item.
    pub fn names(&self) -> Vec<&str> {
        self.steps
            .iter()
            .map(|step| match step {
                Step::Field(name) | Step::Directive(name) => name.as_str(),
                Step::Item(_) => "[]",
            })
            .collect()
    }

    /// Whether the names begin so: `spec template spec containers []`, separated by blanks.
    pub fn is_below(&self, names: &str) -> bool {
        let own = self.names();
        let mut own = own.iter();
        names.split(' ').all(|name| own.next().is_some_and(|own| *own == name))
    }

    /// Whether the names are these.
    pub fn is(&self, names: &str) -> bool {
        self.steps.len() == names.split(' ').count() && self.is_below(names)
    }

    /// Whether this leads to something in, or around, what the names lead to.
    pub fn touches(&self, names: &str) -> bool {
        self.names().iter().zip(names.split(' ')).all(|(own, other)| *own == other)
    }

    /// The label of the first item on the way of a list.
    pub fn item_of(&self, list: &str) -> Option<&str> {
        let at =
            self.steps.iter().position(|step| matches!(step, Step::Field(name) if name == list))?;
        match self.steps.get(at + 1) {
            Some(Step::Item(label)) => Some(label),
            _ => None,
        }
    }

    /// The last field's name; empty for an item.
    pub fn last(&self) -> &str {
        match self.steps.last() {
            Some(Step::Field(name) | Step::Directive(name)) => name,
            _ => "",
        }
    }

    /// Whether it leads to a directive of a configuration file.
    pub fn is_directive(&self) -> bool {
        matches!(self.steps.last(), Some(Step::Directive(_)))
    }

    /// The last but one field's name; empty for an item.
    pub fn parent(&self) -> &str {
        match self.steps.len().checked_sub(2).and_then(|at| self.steps.get(at)) {
            Some(Step::Field(name)) => name,
            _ => "",
        }
    }
}

/// `spec.template.spec.containers[redis].image`, `data["redis.conf"].maxmemory`
impl fmt::Display for Path {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, step) in self.steps.iter().enumerate() {
            match step {
                Step::Field(name) | Step::Directive(name) => {
                    let plain = name
                        .bytes()
                        .all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_');
                    match (plain && !name.is_empty(), index) {
                        (true, 0) => f.write_str(name)?,
                        (true, _) => write!(f, ".{name}")?,
                        (false, _) => write!(f, "[{name:?}]")?,
                    }
                }
                Step::Item(label) => write!(f, "[{label}]")?,
            }
        }
        Ok(())
    }
}
