//! `render`: the manifests of specs, to stdout or into a folder, or a picture of them.

use std::{
    collections::{HashMap, HashSet, hash_map::Entry},
    io,
};

use anstream::{AutoStream, ColorChoice};
use redis_cluster_gen::{
    document::Document,
    error::{Error, Severity},
    objects,
    picture::Picture,
    report::{Format, Report},
};

use super::{Answer, load_each};
use crate::{
    cli::Render,
    input::{self, Input},
    messages::Messages,
    output::{self, Folder, Sink, Stream, folder, paths},
};

pub(crate) fn run(args: &Render, messages: Messages) -> Result<Answer, Error> {
    let specs = input::find(args.specs.paths())?;
    let mut sink: Box<dyn Sink> = match &args.output_dir {
        None => Box::new(Stream::new(args.output, paths::relative_to_common(&specs)?)),
        Some(folder) => {
            let origins = paths::relative_to(folder, &specs)?;
            let settings =
                folder::Settings { kustomization: args.kustomization, prune: !args.no_prune };
            Box::new(Folder::new(folder.clone(), settings, origins, messages))
        }
    };
    let drawn = args.output.picture();
    let mut picture = Picture::default();
    let mut problems = Vec::new();
    let mut invalid = false;
    let mut unreadable = Vec::new();
    let mut objects = Objects::default();
    load_each(&specs, &args.target.options(messages), messages, |index, loaded| {
        let loaded = match loaded {
            Ok((_, loaded)) => loaded,
            Err(error) => {
                unreadable.push(error);
                return Ok(());
            }
        };
        problems.extend(loaded.problems);
        let Some(plan) = loaded.plan else {
            invalid = true;
            return Ok(());
        };
        // From the first mistake on there will be no output, but the other specs are still checked.
        if !invalid && unreadable.is_empty() {
            let documents = objects::build(&plan);
            objects.add(index, &documents);
            if objects.clashes.is_empty() {
                match drawn {
                    Some(_) => picture.add_rendered(&plan, &documents),
                    None => sink.add(index, &documents)?,
                }
            }
        }
        Ok(())
    })?;
    if messages.is_quiet() {
        problems.retain(|problem| problem.severity == Severity::Error);
    }
    if !problems.is_empty() {
        let color = AutoStream::choice(&io::stderr()) != ColorChoice::Never;
        // Messages that nobody reads change nothing.
        let _ = Report::new(&[], &problems).write(Format::Text, color, &mut io::stderr().lock());
    }
    let last = unreadable.pop();
    for error in unreadable {
        messages.error(error);
    }
    if let Some(error) = last {
        return Err(error);
    }
    if invalid {
        return Err(Error::Invalid);
    }
    objects.check(&specs)?;
    match drawn {
        Some(format) => output::stdout(|out| picture.write(format, out))?,
        None => sink.commit()?,
    }
    Ok(Answer::Yes)
}

/// The objects of a run, to find those that two specs give.
#[derive(Default)]
struct Objects {
    /// The spec that gave an object first.
    first: HashMap<Box<str>, usize>,
    /// Pairs of specs that give the same object, with one of these.
    clashes: Vec<(usize, usize, String)>,
    clashing: HashSet<(usize, usize)>,
}

impl Objects {
    fn add(&mut self, spec: usize, documents: &[Document]) {
        for document in documents {
            let group = document.api_version().split_once('/').map_or("", |(group, _)| group);
            let (kind, namespace, name) = (document.kind(), document.namespace(), document.name());
            match self.first.entry(format!("{group}/{kind}/{namespace}/{name}").into()) {
                Entry::Vacant(entry) => {
                    entry.insert(spec);
                }
                Entry::Occupied(entry) => {
                    let pair = (*entry.get(), spec);
                    if self.clashing.insert(pair) {
                        let slash = if namespace.is_empty() { "" } else { "/" };
                        let object = format!("{kind} {namespace}{slash}{name}");
                        self.clashes.push((pair.0, pair.1, object));
                    }
                }
            }
        }
    }

    /// Refuses to give no object, or one twice.
    fn check(&self, specs: &[Input]) -> Result<(), Error> {
        if self.first.is_empty() {
            return Err(Error::Usage("there is no object to render".to_owned()));
        }
        if self.clashes.is_empty() {
            return Ok(());
        }
        let lines = self.clashes.iter().map(|(one, other, object)| {
            let (one, other) = (specs[*one].name(), specs[*other].name());
            if one == other {
                format!("{one} gives {object} twice")
            } else {
                format!("both {one} and {other} give {object}")
            }
        });
        Err(Error::Usage(format!(
            "{}\neach object may be rendered once: change a metadata.name or metadata.namespace",
            lines.collect::<Vec<_>>().join("\n  ")
        )))
    }
}
