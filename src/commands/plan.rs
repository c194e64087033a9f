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
    input::{self, From},
    messages::Messages,
    output::{self, home, home::Homes, stages},
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
        let folder = match &input[0].from {
            From::File(_) => home::shown(&homes.of(&input[0])?),
            From::Stdin => "manifests".to_owned(),
        };
        for spec in &specs {
            all.push(steps::steps(&Request {
                source: &spec.source,
                options: &options,
                before: before.clone(),
                folder: &folder,
                is_kustomization: Path::new(&folder).join("kustomization.yaml").exists(),
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
                "note: {folder} is what the spec renders; `plan --against git:HEAD` compares with the last commit instead"
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
