//! `validate`: everything that is wrong with specs, to stdout.

use std::io;

use anstream::{AutoStream, ColorChoice};
use redis_cluster_gen::{
    error::{Error, Severity},
    report::{Format, Report},
    spec::rules,
    yaml,
};

use super::{Answer, load_each};
use crate::{cli::Validate, input, messages::Messages, output};

pub(crate) fn run(args: &Validate, messages: Messages) -> Result<Answer, Error> {
    let specs = input::find(args.specs.paths())?;
    let (mut checked, mut problems, mut failures) = (Vec::new(), Vec::new(), Vec::new());
    load_each(&specs, &args.target.options(messages), messages, |_, loaded| {
        match loaded {
            Ok((source, loaded)) => {
                if loaded.problems.iter().any(|problem| yaml::code::hides_the_text(problem.code)) {
                    failures.push(Error::Usage(format!("{} cannot be read as YAML", source.name)));
                }
                checked.push(source);
                problems.extend(loaded.problems);
            }
            Err(error) => failures.push(error),
        }
        Ok(())
    })?;
    let is_error = |severity: Severity| severity == Severity::Error || args.strict;
    let valid = !problems.iter().any(|problem| is_error(problem.severity));
    let for_people = matches!(args.output, Format::Text | Format::Concise);
    if for_people && messages.is_quiet() {
        problems.retain(|problem| is_error(problem.severity));
    }
    output::stdout(|out| {
        let color = AutoStream::choice(&io::stdout()) != ColorChoice::Never;
        Report::new(&checked, &problems).titles(rules::title).write(args.output, color, out)
    })?;
    if problems.is_empty() && failures.is_empty() && args.output == Format::Text {
        match checked.as_slice() {
            [] => {}
            [only] => messages.note(format_args!("{} is valid", only.name)),
            all => messages.note(format_args!("{} specs are valid", all.len())),
        }
    }
    // One error ends the run with its message; the others are said here.
    let last = failures.pop();
    for error in failures {
        messages.error(error);
    }
    match last {
        Some(error) => Err(error),
        None => Ok(Answer::yes_if(valid || args.exit_zero)),
    }
}
