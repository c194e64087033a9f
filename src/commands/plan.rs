//! `plan`: the stages from what is committed to what specs say.

use std::{io, path::Path};

use anstream::{AutoStream, ColorChoice};
use redis_cluster_gen::{
    error::Error,
    steps::{self, Request, Steps},
};

use super::{
    Answer,
    sides::{Committed, committed, rendered},
};
use crate::{
    cli::Plan,
    input::{self, From, Input},
    messages::Messages,
    output::{
        self,
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
    let what = Committed { against: args.against.as_deref(), folder: None };
    let mut homes = Homes::default();
    let mut all: Vec<Steps> = Vec::new();
    for input in &inputs {
        let input = std::slice::from_ref(input);
        let (after, specs) = rendered(input, &options, messages)?;
        let before = committed(what, input, &after, &options, messages)?;
        let home = home(&input[0], args.against.as_deref(), &mut homes)?;
        let path = home.to_string();
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
                    Home::File(_) => steps::Output::File(&path),
                },
                stages_folder: written.map(home::shown).as_deref(),
                rotate_password: args.rotate_password,
            }));
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
            if !found.as_ref().is_ok_and(|home| home.path().exists())
                && file.is_file()
                && home::has_output(file, spec)? =>
        {
            Ok(Home::File(file.to_owned()))
        }
        _ => found,
    }
}
