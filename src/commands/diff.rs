//! `diff`: what a change of specs, or of manifests, does to a running cluster.

use std::{
    io,
    path::{Path, PathBuf},
    sync::Arc,
};

use anstream::{AutoStream, ColorChoice};
use redis_cluster_gen::{
    diff::{self, Class, Judge, Side, write::Report},
    error::{Error, Source},
    spec::Options,
    yaml,
};

use super::{
    Answer,
    sides::{Committed, committed, rendered},
};
use crate::{cli::Diff, input, manifests, messages::Messages, output};

pub(crate) fn run(args: &Diff, messages: Messages) -> Result<Answer, Error> {
    let options = args.target.options(messages);
    let (before, after, specs) = match two_sides(args)? {
        Some((old, new)) => {
            let (old, new) = (side(&old, &options)?, side(&new, &options)?);
            messages.detail(format_args!(
                "compared {} with {} objects",
                old.objects.len(),
                new.objects.len()
            ));
            (old, new, Vec::new())
        }
        None => {
            let inputs = input::find_specs(args.specs.paths())?;
            let (after, specs) = rendered(&inputs, &options, messages)?;
            let what = Committed {
                against: args.against.as_deref(),
                place: args.output_dir.as_deref(),
                gone: true,
            };
            let before = committed(what, &inputs, &after, &options, messages)?;
            (before, after, specs)
        }
    };
    let judge = Judge::new(options.kube_version);
    let comparison = diff::compare(before, after, &specs, &judge);
    let sources: Vec<Arc<Source>> = specs.iter().map(|spec| Arc::clone(&spec.source)).collect();
    output::stdout(|out| {
        let color = AutoStream::choice(&io::stdout()) != ColorChoice::Never;
        let verbose = messages.is_verbose();
        Report { comparison: &comparison, specs: &sources, verbose, color }.write(args.output, out)
    })?;
    let class = comparison.class();
    if class == Class::None && args.output == diff::write::Format::Text {
        messages.note("nothing differs");
    }
    Ok(match args.fail_on {
        _ if args.exit_zero => Answer::Yes,
        Some(bound) if class >= bound && class > Class::None => {
            messages.note(format_args!("the worst class is {class}, and --fail-on is {bound}"));
            Answer::Reached
        }
        _ => Answer::yes_if(class == Class::None),
    })
}

/// The two sides, when the arguments are two folders or two files of manifests rather than specs.
fn two_sides(args: &Diff) -> Result<Option<(PathBuf, PathBuf)>, Error> {
    let [old, new] = args.specs.positional() else { return Ok(None) };
    if args.against.is_some() || args.specs.has_filenames() || is_spec(old) || is_spec(new) {
        return Ok(None);
    }
    if !old.exists() || !new.exists() || old.is_dir() != new.is_dir() {
        let (old, new) = (old.display(), new.display());
        let hint = "to compare two sides, give two folders or two files of manifests";
        return Err(Error::Usage(format!("{old} and {new} cannot be compared: {hint}")));
    }
    Ok(Some((old.clone(), new.clone())))
}

/// Whether an argument names specs: a file that is one, a folder that has some, or a pattern.
fn is_spec(path: &Path) -> bool {
    if path.is_dir() {
        return !manifests::kubectl_names(path) && input::find([path.to_owned()].iter()).is_ok();
    }
    match manifests::read_file(path) {
        Ok(source) => {
            let first = yaml::manifests::documents(&source.text)
                .ok()
                .and_then(|all| all.first().map(yaml::Node::to_json));
            first.is_some_and(|first| first.get("kind").is_some_and(|kind| kind == "RedisCluster"))
        }
        Err(_) => path.to_str().is_some_and(|text| text == "-" || text.contains(['*', '?', '['])),
    }
}

fn side(path: &Path, options: &Options) -> Result<Side, Error> {
    let mut side = Side::default();
    for manifests in manifests::read_path(path)? {
        side.objects.extend(manifests.objects(options)?);
    }
    Ok(side)
}
