//! `check`: whether specs are valid, and whether what is committed is what they render to.

use std::collections::{BTreeMap, BTreeSet};

use rayon::prelude::*;
use redis_cluster_gen::{
    diff::{self, Class, Judge},
    document::Document,
    error::{Error, Problem, Severity},
    objects, spec,
    steps::quoted,
};

use super::{
    Answer,
    sides::{Committed, committed, rendered},
};
use crate::{
    cli::Check,
    input::{self, Content, From, Input},
    messages::Messages,
    output::{
        self, Folder, Single, Sink,
        folder::{Finding, Settings, State},
        home::{Home, Homes},
        paths,
    },
};

/// What came of the specs whose output is in one place.
struct Checked {
    home: Home,
    /// How many there are.
    specs: usize,
    /// What is wrong with them.
    problems: Vec<Problem>,
    valid: bool,
    findings: Vec<Finding>,
    /// The specs to render there, as a shell names them.
    render: Vec<String>,
    failures: Vec<Error>,
}

pub(crate) fn run(args: &Check, messages: Messages) -> Result<Answer, Error> {
    let inputs = input::find(args.specs.paths())?;
    let mut homes = Homes::default();
    let mut groups: BTreeMap<Home, Vec<&Input>> = BTreeMap::new();
    for input in &inputs {
        let home = match &args.output_dir {
            Some(path) => Home::at(path),
            None => {
                for file in homes.passed_over(input)? {
                    messages.warning(format_args!(
                        "{file} has output of {}, too, and is not looked at; remove it, or name it with --output-dir",
                        input.name()
                    ));
                }
                homes.of(input)?
            }
        };
        groups.entry(home).or_default().push(input);
    }
    let groups: Vec<_> = groups.into_iter().collect();
    // Each place by itself, and the results in the order of the places, whoever was first.
    let checked: Vec<Checked> =
        groups.into_par_iter().map(|(home, inputs)| check(args, home, &inputs, messages)).collect();

    let (mut specs, mut files, mut wrong, mut has_old_output) = (0, 0, false, false);
    let mut lines = String::new();
    let mut repairs = Repairs::default();
    let mut failures = Vec::new();
    for checked in checked {
        let problems: Vec<_> = checked
            .problems
            .into_iter()
            .filter(|problem| {
                problem.severity == Severity::Error || args.strict || !messages.is_quiet()
            })
            .collect();
        if !problems.is_empty() {
            super::sides::tell(&problems, messages);
        }
        wrong |= !checked.valid;
        specs += checked.specs;
        files += checked.findings.len();
        has_old_output |= !checked.findings.is_empty() && checked.home.exists();
        for finding in &checked.findings {
            let path = checked.home.path_of(&finding.name);
            let reason = if finding.reason.is_empty() {
                String::new()
            } else {
                format!(" ({})", finding.reason)
            };
            lines += &format!("{:<10} {}{reason}\n", finding.state.name(), path.display());
        }
        repairs.add(checked.home, &checked.findings, checked.render);
        failures.extend(checked.failures);
    }
    if let Some(last) = failures.pop() {
        for error in failures {
            messages.error(error);
        }
        return Err(last);
    }
    if specs == 0 {
        return Err(input::nothing_but_output());
    }
    let refused = match (&args.against, wrong) {
        (Some(_), false) => refused(args, messages)?,
        // What is about to be rendered may lose data, too. Output that cannot be read is not current, whatever it was.
        (None, false) if has_old_output => refused(args, messages).unwrap_or_default(),
        _ => Vec::new(),
    };
    lines.extend(refused.iter().map(|change| format!("{:<10} {change}\n", "refused")));
    output::print(&lines)?;
    if !refused.is_empty() {
        let noun = if refused.len() == 1 { "change is" } else { "changes are" };
        let against = args
            .against
            .as_ref()
            .map_or_else(String::new, |against| format!(" --against {}", against.display()));
        messages.plain(&format!(
            "{} {noun} {} or worse; `redis-cluster-gen diff{against}` tells more, and `redis-cluster-gen plan{against}` whether there is a way{}",
            refused.len(),
            args.fail_on,
            // Somebody may have edited it.
            if args.against.is_some() { "" } else { "; what lies there counts as what runs, and `git:HEAD` has what was committed" }
        ));
    }
    if files > 0 {
        let (verb, noun) = if files == 1 { ("is", "file") } else { ("are", "files") };
        let when = if refused.is_empty() { "" } else { "when that is settled, " };
        messages.plain(&format!(
            "{files} {noun} {verb} not current; {when}run: {}",
            repairs.command(args)
        ));
    } else if !wrong && refused.is_empty() {
        let noun = if specs == 1 { "spec is" } else { "specs are" };
        messages.note(format_args!("{specs} {noun} valid, and the output is current"));
    }
    Ok(Answer::yes_if(files == 0 && !wrong && refused.is_empty()))
}

/// The changes since what `--against` names, or else since the output that lies there, that are of the class of `--fail-on` or worse,
/// each with its next step.
fn refused(args: &Check, messages: Messages) -> Result<Vec<String>, Error> {
    let options = args.target.options(messages);
    let inputs = input::find_specs(args.specs.paths())?;
    let (after, specs) = rendered(&inputs, &options, messages)?;
    let what = Committed {
        against: args.against.as_deref(),
        place: args.output_dir.as_deref(),
        gone: true,
    };
    let before = committed(what, &inputs, &after, &options, messages)?;
    let comparison = diff::compare(before, after, &specs, &Judge::new(options.kube_version));
    let mut told = BTreeSet::new();
    for (object, change) in comparison.changes() {
        let class = change.class();
        if class >= args.fail_on && class > Class::None {
            let rule = change.rule;
            let next = rule.next_for(&object.id, &[&object.id.name]);
            let next = if next.is_empty() { next } else { format!(": {next}") };
            told.insert(format!("{}: {} ({class}, {}){next}", object.id, rule.title, rule.code));
        }
    }
    Ok(told.into_iter().collect())
}

/// Checks the specs whose output is in one place.
fn check(args: &Check, home: Home, inputs: &[&Input], messages: Messages) -> Checked {
    let mut checked = Checked {
        home,
        specs: 0,
        problems: Vec::new(),
        valid: true,
        findings: Vec::new(),
        render: Vec::new(),
        failures: Vec::new(),
    };
    if let Err(error) = fill(args, inputs, &mut checked, messages) {
        checked.failures.push(error);
    }
    checked
}

fn fill(
    args: &Check,
    inputs: &[&Input],
    checked: &mut Checked,
    messages: Messages,
) -> Result<(), Error> {
    let options = args.target.options(messages);
    let mut place = Place::of(&checked.home, inputs, messages)?;
    for (at, input) in inputs.iter().enumerate() {
        let loaded = match input.read()? {
            Content::Output => continue,
            Content::Text(source) => spec::load(&source, &options),
            Content::NoText(problem) => spec::Loaded { plan: None, problems: vec![*problem] },
        };
        messages.detail(format_args!("checked {}", input.name()));
        checked.specs += 1;
        checked.render.push(match &input.from {
            From::Stdin => "-".to_owned(),
            From::File(path) => quoted(&path.display().to_string()),
        });
        let is_wrong = |problem: &Problem| problem.severity == Severity::Error || args.strict;
        checked.valid &= loaded.plan.is_some() && !loaded.problems.iter().any(is_wrong);
        checked.problems.extend(loaded.problems);
        if let Some(plan) = loaded.plan {
            place.add(at, &objects::build(&plan))?;
        }
    }
    // Without all of its specs nobody knows what belongs into a folder.
    if checked.valid && checked.specs > 0 {
        match place {
            Place::Folder(folder) => checked.findings = folder.findings()?,
            Place::Single(single) => {
                checked.findings.extend(single.finding()?);
                if !checked.findings.is_empty() {
                    let specs = single.specs()?.into_iter();
                    checked.render =
                        specs.map(|path| quoted(&path.display().to_string())).collect();
                }
            }
        }
    }
    Ok(())
}

/// What is compared with what is rendered.
enum Place {
    Folder(Folder),
    Single(Single),
}

impl Place {
    fn of(home: &Home, specs: &[&Input], messages: Messages) -> Result<Place, Error> {
        Ok(match home {
            Home::Folder(path) => {
                let mut origins = Vec::new();
                for spec in specs {
                    origins.extend(paths::relative_to(path, std::slice::from_ref(*spec))?);
                }
                let settings = Settings { kustomization: false, prune: true };
                Place::Folder(Folder::new(path.clone(), settings, origins, messages))
            }
            Home::File(path) => Place::Single(Single::read(path, specs)?),
        })
    }

    fn add(&mut self, spec: usize, documents: &[Document]) -> Result<(), Error> {
        match self {
            Place::Folder(folder) => folder.add(spec, documents),
            Place::Single(single) => {
                single.add(spec, documents);
                Ok(())
            }
        }
    }
}

/// What makes everything current.
#[derive(Default)]
struct Repairs {
    /// Files that a render leaves alone.
    remove: Vec<String>,
    /// Places to render to, with the specs.
    render: BTreeMap<Home, Vec<String>>,
}

impl Repairs {
    fn add(&mut self, home: Home, findings: &[Finding], specs: Vec<String>) {
        if findings.is_empty() {
            return;
        }
        let stays = findings.iter().filter(|finding| finding.stays);
        self.remove.extend(
            stays.map(|finding| quoted(&home.path_of(&finding.name).display().to_string())),
        );
        let gone = |finding: &Finding| {
            finding.state == State::Unexpected && finding.reason.ends_with("is gone")
        };
        if !findings.iter().all(gone) || home.path().join(output::kustomization::NAME).exists() {
            self.render.insert(home, specs);
        }
    }

    /// One line for a shell.
    fn command(&self, args: &Check) -> String {
        let mut target = String::new();
        if let Some(namespace) = &args.target.namespace {
            target += &format!(" --namespace {namespace}");
        }
        if args.target.kube_version != spec::KubeVersion::default() {
            target += &format!(" --kube-version 1.{}", args.target.kube_version.0);
        }
        let mut commands = Vec::new();
        if !self.remove.is_empty() {
            commands.push(format!("rm {}", self.remove.join(" ")));
        }
        for (home, specs) in &self.render {
            let specs = specs.join(" ");
            let path = quoted(&home.to_string());
            commands.push(match home {
                Home::Folder(_) => {
                    format!("redis-cluster-gen render{target} --output-dir {path} {specs}")
                }
                // A mistake must not leave an empty file.
                Home::File(file) => {
                    let new = quoted(&format!("{}.new", file.display()));
                    format!("redis-cluster-gen render{target} {specs} >{new} && mv {new} {path}")
                }
            });
        }
        commands.join(" && ")
    }
}
