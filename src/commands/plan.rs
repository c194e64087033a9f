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
                    Home::File(_) => steps::Output::File { path: &path, specs: &together },
                },
                guard: guard(args.against.as_deref(), &home).as_deref(),
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

/// Where a spec's output is written anew: where it is committed, or else in the place that is compared with, if that is the spec's.
fn home(spec: &Input, against: Option<&Path>, homes: &mut Homes) -> Result<Home, Error> {
    let found = match &spec.from {
        From::File(_) => homes.of(spec),
        From::Stdin => Ok(Home::Folder("manifests".into())),
    };
    if found.as_ref().is_ok_and(Home::exists) {
        return found;
    }
    match against {
        Some(file) if file.is_file() && home::has_output(file, spec)? => {
            Ok(Home::File(file.to_owned()))
        }
        Some(folder) if folder.is_dir() && found.is_err() => Ok(Home::Folder(folder.to_owned())),
        _ => found,
    }
}

/// The specs that give a file, in its order, as commands name them.
fn together(file: &Path, spec: &Input) -> Result<Vec<String>, Error> {
    let mut single = Single::read(file, &[spec])?;
    // It may have nothing of the spec yet.
    single.add(0, &[]);
    Ok(single.specs()?.into_iter().map(|path| path.display().to_string()).collect())
}

/// Refuses where a file has more than this spec gives, and the stages would change other clusters, too.
fn others_are_current(
    file: &Path,
    names: &[String],
    own: &Input,
    options: &Options,
) -> Result<(), Error> {
    let refused = |name: &str, is: &str| {
        Err(Error::Usage(format!(
            "{} has the output of {name}, too, which {is}: the commands of this plan would change that cluster as well. \
             See to that change first, or put {name} back, or give each spec a file of its own",
            file.display()
        )))
    };
    let own = match own.from {
        From::Stdin => "-".to_owned(),
        From::File(_) => own.name(),
    };
    let others = names.iter().filter(|name| **name != own);
    let others: Vec<Input> = others.map(|name| Input::file(name.into())).collect();
    let inputs: Vec<&Input> = others.iter().collect();
    let mut single = Single::read(file, &inputs)?;
    if let Some(gone) = single.gone().first() {
        return refused(gone, "is gone");
    }
    for (place, other) in others.iter().enumerate() {
        if let Content::Text(source) = other.read()?
            && let Some(plan) = spec::load(&source, options).plan
        {
            single.add(place, &objects::build(&plan));
        }
        if !single.has(place) {
            return refused(&other.name(), "is not current");
        }
    }
    Ok(())
}

/// What `diff` has to be told to compare with what the stage before has left: nothing where it finds that by itself.
fn guard(against: Option<&Path>, home: &Home) -> Option<String> {
    match against.map(Path::to_string_lossy) {
        None => Some(String::new()),
        Some(against) if against == "git:HEAD" => Some(" --against git:HEAD".to_owned()),
        Some(against) if Path::new(against.as_ref()) == home.path() => {
            Some(format!(" --output-dir {}", steps::quoted(&against)))
        }
        // It stays as it is while stages come and go.
        Some(_) => None,
    }
}
