//! `diff`: what a change of specs, or of manifests, does to a running cluster.

use std::{
    collections::HashSet,
    io,
    path::{Path, PathBuf},
    sync::Arc,
};

use anstream::{AutoStream, ColorChoice};
use redis_cluster_gen::{
    diff::{self, Class, Id, Judge, Object, Side, Spec, hide_shapes, write::Report},
    error::{Error, Severity, Source},
    objects,
    report::{self, Format},
    spec::Options,
    yaml,
};

use super::{Answer, load_each};
use crate::{
    cli::Diff,
    input::{self, From, Input},
    manifests::{self, Against, Commit, Manifests},
    messages::Messages,
    output::{self, home, home::Homes, paths},
};

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
            let inputs = input::find(args.specs.paths())?;
            let (after, specs) = rendered(&inputs, &options, messages)?;
            let before = committed(args, &inputs, &after, messages)?;
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

/// What the specs render to, and the specs as they were written.
fn rendered(
    inputs: &[Input],
    options: &Options,
    messages: Messages,
) -> Result<(Side, Vec<Spec>), Error> {
    let (mut side, mut specs) = (Side::default(), Vec::new());
    let (mut problems, mut invalid, mut failures) = (Vec::new(), false, Vec::new());
    load_each(inputs, options, messages, |_, loaded| {
        let (source, loaded) = match loaded {
            Ok(loaded) => loaded,
            Err(error) => {
                failures.push(error);
                return Ok(());
            }
        };
        problems.extend(loaded.problems);
        let (Some(plan), Ok(root)) = (loaded.plan, yaml::read(&source)) else {
            invalid = true;
            return Ok(());
        };
        for document in objects::build(&plan) {
            if let Some(mut object) = Object::new(document.value, None) {
                object.spec = Some(specs.len());
                side.objects.push(object);
            }
        }
        specs.push(Spec { source, root });
        Ok(())
    })?;
    if invalid || messages.is_verbose() {
        problems.retain(|problem| problem.severity == Severity::Error || !messages.is_quiet());
        tell(&problems, messages);
    }
    match failures.into_iter().next() {
        Some(error) => Err(error),
        None if invalid => Err(Error::Invalid),
        None => Ok((side, specs)),
    }
}

/// Prints problems to stderr, without what may be secret in the lines that they show.
pub(super) fn tell(problems: &[redis_cluster_gen::error::Problem], messages: Messages) {
    let mut text = Vec::new();
    let _ = report::Report::new(&[], problems).write(Format::Text, false, &mut text);
    let text = hide_shapes(&String::from_utf8_lossy(&text));
    if !text.is_empty() {
        messages.plain(text.trim_end());
    }
}

/// The old side: what was rendered from these specs before.
fn committed(
    args: &Diff,
    inputs: &[Input],
    after: &Side,
    messages: Messages,
) -> Result<Side, Error> {
    let options = args.target.options(messages);
    let known: HashSet<&Id> = after.objects.iter().map(|object| &object.id).collect();
    let against = args.against.as_deref().map(Against::parse).transpose()?;
    let everything = |texts: Vec<Manifests>| -> Result<Side, Error> {
        let mut side = Side::default();
        for text in texts {
            side.objects.extend(text.objects(&options)?);
        }
        // Of what a server has, only the cluster's own objects are compared.
        side.objects.retain(|object| !object.live || is_ours(object, after));
        Ok(side)
    };
    match against {
        Some(Against::Stdin) => {
            if inputs.iter().any(|input| input.from == From::Stdin) {
                return Err(Error::Usage(
                    "stdin cannot be both the spec and what to compare with".to_owned(),
                ));
            }
            everything(vec![Manifests { source: manifests::read_stdin()?, folder: None }])
        }
        Some(Against::Path(path)) if !path.is_dir() => everything(manifests::read_path(&path)?),
        Some(Against::Git { reference, path: Some(path) }) => {
            let start = folder_of(inputs)?;
            let here = Path::new(".");
            let commit =
                Commit::find(if path.starts_with("./") { here } else { &start }, &reference)?;
            let path = match path.strip_prefix("./") {
                Some(rest) => commit.path_of(&here.join(rest))?,
                None => path,
            };
            let texts = commit.read(&path)?;
            if texts.is_empty() {
                return Err(Error::Usage(format!("{reference} has no manifests at {path}")));
            }
            if texts.len() == 1 && texts[0].source.name.ends_with(&path) {
                return everything(texts);
            }
            from_specs(texts, inputs, &known, &options)
        }
        other => {
            let mut homes = Homes::default();
            let mut texts: Vec<Manifests> = Vec::new();
            let mut folders = HashSet::new();
            for input in inputs {
                let folder = match (&other, &args.output_dir) {
                    (Some(Against::Path(path)), _) => path.clone(),
                    (_, Some(folder)) => folder.clone(),
                    _ => homes.of(input)?,
                };
                match &other {
                    Some(Against::Git { reference, .. }) => {
                        let commit = Commit::find(&folder, reference)?;
                        let path = commit.path_of(&folder)?;
                        let mut found = if folders.insert(folder.clone()) {
                            commit.read(&path)?
                        } else {
                            continue;
                        };
                        if found.is_empty()
                            && let From::File(spec) = &input.from
                        {
                            let names: Vec<_> = after.objects.iter().map(file_name).collect();
                            found = commit.generated(&commit.path_of(spec)?, &names)?;
                            match found.first().and_then(|first| first.folder.as_ref()) {
                                Some(old) => messages.note(format_args!(
                                    "in {reference} the output is in {}",
                                    commit.path_of(old)?
                                )),
                                None => messages.note(format_args!(
                                    "{reference} has no output of {}",
                                    input.name()
                                )),
                            }
                        }
                        texts.extend(found);
                    }
                    _ if folder.is_dir() => {
                        if folders.insert(folder.clone()) {
                            texts.extend(manifests::read_folder(&folder_or_here(&folder), false)?);
                        }
                    }
                    _ => messages
                        .note(format_args!("there is no folder {} yet", home::shown(&folder))),
                }
            }
            from_specs(texts, inputs, &known, &options)
        }
    }
}

fn file_name(object: &Object) -> String {
    redis_cluster_gen::document::Document { value: object.value.clone() }.file_name()
}

fn folder_or_here(folder: &Path) -> PathBuf {
    if folder.as_os_str().is_empty() { PathBuf::from(".") } else { folder.to_owned() }
}

/// The folder of the first spec.
fn folder_of(inputs: &[Input]) -> Result<PathBuf, Error> {
    let path = inputs.iter().find_map(|input| match &input.from {
        From::File(path) => path.parent().map(folder_or_here),
        From::Stdin => None,
    });
    Ok(path.unwrap_or_else(|| PathBuf::from(".")))
}

/// Whether an object of a server belongs to a cluster of the other side, and is not made by a controller.
fn is_ours(object: &Object, after: &Side) -> bool {
    let label = "/metadata/labels/app.kubernetes.io~1instance";
    let instance = object.text(label);
    let managed =
        object.text("/metadata/labels/app.kubernetes.io~1managed-by") == "redis-cluster-gen";
    let same_name = |other: &Object| {
        other.id.kind == object.id.kind
            && other.id.group == object.id.group
            && other.id.name == object.id.name
    };
    after.objects.iter().any(same_name)
        || managed
            && object.get("/metadata/ownerReferences").is_none()
            && after.objects.iter().any(|other| other.text(label) == instance)
}

/// The objects of texts that come from the specs: by the first line of a file, or because the specs give them now.
fn from_specs(
    texts: Vec<Manifests>,
    inputs: &[Input],
    known: &HashSet<&Id>,
    options: &Options,
) -> Result<Side, Error> {
    let mut side = Side::default();
    for text in texts {
        let origin = text.origin().map(str::to_owned);
        let spec = match (&text.folder, &origin) {
            (Some(folder), Some(origin)) => {
                let beside = paths::relative_to(folder, inputs)?;
                let alone = inputs.iter().map(|input| match &input.from {
                    From::File(path) => {
                        path.file_name().unwrap_or_default().to_string_lossy().into_owned()
                    }
                    From::Stdin => paths::STDIN.to_owned(),
                });
                // What was printed to stdout calls its spec by the file's name alone.
                let alone: Vec<_> = alone.collect();
                beside
                    .iter()
                    .position(|name| name == origin)
                    .or_else(|| alone.iter().position(|name| name == origin))
            }
            _ => None,
        };
        let objects = text.objects(options);
        // A foreign file in the folder may be anything.
        let objects = match (objects, &origin) {
            (Ok(objects), _) => objects,
            (Err(error), Some(_)) => return Err(error),
            (Err(_), None) => continue,
        };
        for mut object in objects {
            if spec.is_some() || known.contains(&object.id) {
                object.spec = spec;
                side.objects.push(object);
            }
        }
    }
    Ok(side)
}
