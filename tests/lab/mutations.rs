//! Ways to break what was rendered, each with the scenario that has to notice.

use crate::{
    objects::Objects,
    tools::{Result, bail},
};

/// One way to break a file of the ConfigMap.
pub struct Mutation {
    /// Its name.
    pub name: &'static str,
    /// The scenario that has to fail.
    pub scenario: &'static str,
    /// The file.
    pub file: &'static str,
    /// A text of the file, and what replaces it.
    pub change: (&'static str, &'static str),
}

/// All of them.
pub const MUTATIONS: &[Mutation] = &[];

/// Breaks the objects; fails if there is nothing to break, because then it would prove nothing.
pub fn apply(name: &str, objects: &mut Objects) -> Result<()> {
    let Some(mutation) = MUTATIONS.iter().find(|mutation| mutation.name == name) else {
        bail!("there is no mutation {name}")
    };
    let (old, new) = mutation.change;
    let mut done = false;
    for map in &mut objects.config_maps {
        if let Some(text) = map.data.as_mut().and_then(|data| data.get_mut(mutation.file))
            && text.contains(old)
        {
            *text = text.replace(old, new);
            done = true;
        }
    }
    if done { Ok(()) } else { bail!("mutation {name}: {} has no {old:?}", mutation.file) }
}
