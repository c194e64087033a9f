//! The commands, one file for each.

pub(crate) mod check;
pub(crate) mod completion;
pub(crate) mod diff;
pub(crate) mod explain;
pub(crate) mod init;
pub(crate) mod man;
pub(crate) mod plan;
pub(crate) mod render;
pub(crate) mod schema;
mod sides;
pub(crate) mod validate;
pub(crate) mod version;

use std::sync::Arc;

use redis_cluster_gen::{
    error::{Error, Source},
    spec::{self, Loaded, Options},
};

use crate::{
    input::{self, Content, Input},
    messages::Messages,
};

/// What a command has to say when it could do its work. It decides the exit code.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Answer {
    /// 0: all is well.
    Yes,
    /// 1: something was found.
    No,
    /// 3: what was found is as bad as was asked for.
    Reached,
}

impl Answer {
    pub(crate) fn yes_if(yes: bool) -> Answer {
        if yes { Answer::Yes } else { Answer::No }
    }
}

/// Loads one spec after the other. The index is the spec's place among the inputs.
///
/// # Errors
/// When no file was a spec, or when `each` fails. A file that cannot be read is given to `each`, so that
/// the others are looked at, too.
pub(crate) fn load_each(
    specs: &[Input],
    options: &Options,
    messages: Messages,
    mut each: impl FnMut(usize, Result<(Arc<Source>, Loaded), Error>) -> Result<(), Error>,
) -> Result<(), Error> {
    let mut any = false;
    for (index, spec) in specs.iter().enumerate() {
        let loaded = match spec.read() {
            Ok(Content::Output) => {
                messages.detail(format_args!("skipped {}: it is output", spec.name()));
                continue;
            }
            Ok(Content::Text(source)) => {
                let loaded = spec::load(&source, options);
                Ok((source, loaded))
            }
            Ok(Content::NoText(problem)) => {
                let source = Arc::clone(&problem.place.source);
                Ok((source, Loaded { plan: None, problems: vec![*problem] }))
            }
            Err(error) => Err(error),
        };
        any = true;
        messages.detail(format_args!("checked {}", spec.name()));
        each(index, loaded)?;
    }
    if any { Ok(()) } else { Err(input::nothing_but_output()) }
}
