//! `plan`: the stages from what is committed to what specs say.

use std::{io, path::Path};

use anstream::{AutoStream, ColorChoice};
use redis_cluster_gen::{
    error::Error,
    objects,
    spec::{self, Options},
    steps::{self, Request, Steps},
};

use super::{
    Answer,
    sides::{Committed, committed, rendered},
};
use crate::{
    cli::Plan,
    input::{self, Content, From, Input},
    messages::Messages,
    output::{
        self, Single,
        home::{self, Home, Homes},
        kustomization, stages,
    },
};

pub(crate) fn run(args: &Plan, messages: Messages) -> Result<Answer, Error> {
    let options = args.target.options(messages);
    let inputs = input::find_specs(args.specs.paths())?;
    let written = args.output_dir.as_deref();
    if inputs.len() > 1 && written.is_some() {
        return Err(Error::Usage(
            "the stages of several specs do not fit into one folder: plan one spec at a time"
                .to_owned(),
        ));
    }
    let what = Committed { against: args.against.as_deref(), place: None, gone: false };
    let mut homes = Homes::default();
    let mut all: Vec<Steps> = Vec::new();
    for input in &inputs {
        let input = std::slice::from_ref(input);
        let (after, specs) = rendered(input, &options, messages)?;
        let before = committed(what, input, &after, &options, messages)?;
        let home = home(&input[0], args.against.as_deref(), &mut homes)?;
        let path = home.to_string();
        let together = match &home {
            Home::File(file) => together(file, &input[0])?,
            Home::Folder(_) => Vec::new(),
        };
        let names: Vec<String> = together.iter().map(Input::name).collect();
        for spec in &specs {
            all.push(steps::steps(&Request {
                source: &spec.source,
                options: &options,
                before: before.clone(),
                output: match home {
                    Home::Folder(ref folder) => steps::Output::Folder {
                        path: &path,
                        is_kustomization: folder.join(kustomization::NAME).exists(),
                    },
                    Home::File(_) => steps::Output::File { path: &path, specs: &names },
                },
                stages_folder: written.map(home::shown).as_deref(),
                rotate_password: args.rotate_password,
            }));
        }
        let has_stages = |steps: &Steps| !steps.stages.is_empty();
        if let Home::File(file) = &home
            && all.last().is_some_and(has_stages)
        {
            others_are_current(file, &together, &input[0], &options)?;
        }
        let is_done = |steps: &Steps| steps.stages.is_empty() && steps.refusals.is_empty();
        if all.last().is_some_and(|steps| is_done(steps) && steps.retires) {
            messages.note(format_args!(
                "note: pods are on their way out; when their bootstrap Job has ended well, take `topology.retiring` out of the spec and plan again"
            ));
        }
        if args.against.is_none() && all.last().is_some_and(is_done) {
            messages.note(format_args!(
                "note: {path} is what the spec renders; `plan --against git:HEAD` compares with the last commit instead"
            ));
        }
    }
    if let (Some(folder), [steps]) = (written, &all[..])
        && !steps.stages.is_empty()
    {
        stages::write(folder, steps, messages)?;
    }
    output::stdout(|out| {
        let color = AutoStream::choice(&io::stdout()) != ColorChoice::Never;
        steps::write::write(&all, args.output, color, out)
    })?;
    Ok(if all.iter().any(|steps| !steps.refusals.is_empty()) {
        Answer::Reached
    } else {
        Answer::yes_if(all.iter().all(|steps| steps.stages.is_empty()))
    })
}

/// Where a spec's output is written anew: where it is committed, or else into the file that is compared with, if that is the spec's.
fn home(spec: &Input, against: Option<&Path>, homes: &mut Homes) -> Result<Home, Error> {
    let found = match &spec.from {
        From::File(_) => homes.of(spec),
        From::Stdin => Ok(Home::Folder("manifests".into())),
    };
    match against {
        Some(file)
            if !found.as_ref().is_ok_and(Home::exists)
                && file.is_file()
                && home::has_output(file, spec)? =>
        {
            Ok(Home::File(file.to_owned()))
        }
        _ => found,
    }
}

/// The specs that give a file, in its order.
fn together(file: &Path, spec: &Input) -> Result<Vec<Input>, Error> {
    let single = Single::read(file, &[spec])?;
    let (own, named) = (spec.name(), matches!(spec.from, From::File(_)));
    let mut specs: Vec<Input> =
        single.specs().into_iter().map(|path| Input::file(path.to_owned())).collect();
    if named && specs.iter().all(|spec| spec.name() != own) {
        specs.push(Input::file(own.into()));
    }
    Ok(specs)
}

/// Whether the other specs of a file are what it has: the stages of this one would change their clusters, too.
fn others_are_current(
    file: &Path,
    specs: &[Input],
    own: &Input,
    options: &Options,
) -> Result<(), Error> {
    let others: Vec<&Input> = specs.iter().filter(|spec| spec.name() != own.name()).collect();
    let mut single = Single::read(file, &others)?;
    for (place, other) in others.iter().enumerate() {
        if let Content::Text(source) = other.read()?
            && let Some(plan) = spec::load(&source, options).plan
        {
            single.add(place, &objects::build(&plan));
        }
        if !single.has(place) {
            let (file, other) = (file.display(), other.name());
            return Err(Error::Usage(format!(
                "{file} has the output of {other}, too, which is not current: the commands of this plan would change that cluster as well. \
                 See to that change first, or put {other} back, or give each spec a file of its own"
            )));
        }
    }
    Ok(())
}
