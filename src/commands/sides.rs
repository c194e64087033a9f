//! The two sides that `diff` and `plan` compare: what specs render to, and what was rendered from them before.

use std::{
    collections::HashSet,
    path::{Path, PathBuf},
    sync::Arc,
};

use redis_cluster_gen::{
    diff::{Id, Object, Side, Spec, hide_shapes},
    error::{Error, Severity},
    objects,
    report::{self, Format},
    spec::Options,
    yaml,
};

use super::load_each;
use crate::{
    input::{From, Input},
    manifests::{self, Against, Commit, Manifests},
    messages::Messages,
    output::{
        home::{Home, Homes},
        origin::{self, Origin, Specs},
    },
};

/// Where the old side is.
#[derive(Debug, Clone, Copy)]
pub(super) struct Committed<'a> {
    /// What `--against` says.
    pub(super) against: Option<&'a Path>,
    /// The folder or the file that holds the output, where it is not beside each spec.
    pub(super) place: Option<&'a Path>,
    /// Whether what comes from specs that are gone counts, too.
    pub(super) gone: bool,
}

/// What the specs render to, and the specs as they were written.
pub(super) fn rendered(
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
pub(super) fn committed(
    what: Committed<'_>,
    inputs: &[Input],
    after: &Side,
    options: &Options,
    messages: Messages,
) -> Result<Side, Error> {
    let against = what.against.map(Against::parse).transpose()?;
    let everything = |texts: Vec<Manifests>| -> Result<Side, Error> {
        let mut side = Side::default();
        for text in texts {
            side.objects.extend(text.objects(options)?);
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
            everything(vec![Manifests { source: manifests::read_stdin()?, file: None }])
        }
        Some(Against::Path(path)) if !path.is_dir() => {
            let texts = manifests::read_path(&path)?;
            // In a file of the specs others may have their output, too.
            if from_any(&texts, inputs)? {
                return from_specs(texts, inputs, after, options, Found::Named);
            }
            everything(texts)
        }
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
            let is_file = texts.len() == 1 && texts[0].source.name.ends_with(&path);
            if is_file && !from_any(&texts, inputs)? {
                return everything(texts);
            }
            from_specs(texts, inputs, after, options, Found::Named)
        }
        other => {
            let mut homes = Homes::default();
            let mut texts: Vec<Manifests> = Vec::new();
            let mut commits = Vec::new();
            let mut seen = HashSet::new();
            for input in inputs {
                let home = match (&other, what.place) {
                    (Some(Against::Path(path)), _) => Home::Folder(path.clone()),
                    (_, Some(path)) => Home::at(path),
                    _ => homes.of(input)?,
                };
                if !seen.insert(home.clone()) {
                    continue;
                }
                match (&other, &home) {
                    (Some(Against::Git { reference, .. }), _) => {
                        let commit = Commit::find(home.path(), reference)?;
                        let mut found = commit.read(&commit.path_of(home.path())?)?;
                        if found.is_empty() && input.from != From::Stdin {
                            let names: Vec<_> = after.objects.iter().map(file_name).collect();
                            let is_from = |text: &Manifests| {
                                from_any(std::slice::from_ref(text), std::slice::from_ref(input))
                            };
                            found = commit.generated(is_from, &names)?;
                            match found.first().and_then(Manifests::folder) {
                                Some(old) => messages.note(format_args!(
                                    "in {reference} the output is in {}",
                                    match commit.path_of(old)? {
                                        top if top.is_empty() => "the top folder".to_owned(),
                                        path => path.to_string(),
                                    }
                                )),
                                None => messages.note(format_args!(
                                    "{reference} has no output of {}",
                                    input.name()
                                )),
                            }
                        }
                        texts.extend(found);
                        commits.push(commit);
                    }
                    (_, Home::Folder(folder)) if folder_or_here(folder).is_dir() => {
                        texts.extend(manifests::read_folder(&folder_or_here(folder), false)?);
                    }
                    (_, Home::Folder(_)) => {
                        messages.note(format_args!("there is no folder {home} yet"));
                    }
                    (_, Home::File(file)) => {
                        let source = manifests::read_file(file)?;
                        texts.push(Manifests { source, file: Some(file.clone()) });
                    }
                }
            }
            let is_empty = texts.iter().all(|text| text.parts().is_empty());
            let found = match &other {
                Some(Against::Path(_)) => Found::Named,
                _ if !what.gone => Found::Named,
                Some(_) => Found::In(&commits),
                None => Found::Home,
            };
            let side = from_specs(texts, inputs, after, options, found)?;
            if let Some(Against::Path(folder)) = &other
                && side.objects.is_empty()
                && !is_empty
            {
                let names: Vec<_> = inputs.iter().map(Input::name).collect();
                messages.note(format_args!(
                    "nothing in {} belongs to {}",
                    folder.display(),
                    names.join(" or ")
                ));
            }
            Ok(side)
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
    let same_name = |other: &Object| {
        other.id.kind == object.id.kind
            && other.id.group == object.id.group
            && other.id.name == object.id.name
    };
    after.objects.iter().any(same_name)
        || object.get("/metadata/ownerReferences").is_none()
            && of_cluster(after, object).next().is_some()
}

/// The objects of a side that its labels give to the same cluster as an object.
fn of_cluster<'a>(side: &'a Side, object: &'a Object) -> impl Iterator<Item = &'a Object> {
    let instance = "/metadata/labels/app.kubernetes.io~1instance";
    let managed =
        object.text("/metadata/labels/app.kubernetes.io~1managed-by") == "redis-cluster-gen";
    side.objects
        .iter()
        .filter(move |other| managed && other.text(instance) == object.text(instance))
}

/// Whether any part of texts comes from the specs.
fn from_any(texts: &[Manifests], inputs: &[Input]) -> Result<bool, Error> {
    let specs = Specs::of(inputs)?;
    for text in texts {
        let Some(file) = &text.file else { continue };
        let names: Vec<_> = text.parts().into_iter().map(|(name, _)| name).collect();
        let origins = origin::of(file, &names, &specs, true)?;
        if origins.iter().any(|origin| matches!(origin, Origin::Spec(_))) {
            return Ok(true);
        }
    }
    Ok(false)
}

/// How texts were found, which says what it means that a spec is gone.
#[derive(Clone, Copy)]
enum Found<'a> {
    /// They are the output as it lies there: what comes from a spec that is gone goes with it.
    Home,
    /// They are in commits: what the present commit has lost goes.
    In(&'a [Commit]),
    /// Somebody named them, and other specs are nobody's business.
    Named,
}

/// The objects of texts that come from the specs: by the first line of a file, because the specs give them now, or because
/// their labels name the same cluster, where the spec had another name or another place. Those of specs that are gone go, too.
fn from_specs(
    texts: Vec<Manifests>,
    inputs: &[Input],
    after: &Side,
    options: &Options,
    found: Found<'_>,
) -> Result<Side, Error> {
    let known: HashSet<&Id> = after.objects.iter().map(|object| &object.id).collect();
    let specs = Specs::of(inputs)?;
    let mut side = Side::default();
    for text in texts {
        let mut parts = text.parts();
        let names: Vec<_> = parts.iter().map(|(name, _)| *name).collect();
        let mut origins = match &text.file {
            Some(file) => origin::of(file, &names, &specs, matches!(found, Found::Named))?,
            None => vec![Origin::Unknown; names.len()],
        };
        let is_foreign = parts.is_empty();
        if is_foreign {
            parts.push(("", Arc::clone(&text.source)));
            origins.push(Origin::Unknown);
        }
        for ((_, source), origin) in parts.into_iter().zip(origins) {
            let objects = match manifests::objects_of(&source, options) {
                Ok(objects) => objects,
                // A foreign file in the folder may be anything.
                Err(_) if is_foreign => continue,
                Err(error) => return Err(error),
            };
            let spec = match origin {
                Origin::Spec(place) => Some(place),
                _ => None,
            };
            let is_gone = match (&origin, found) {
                (Origin::Gone(_), Found::Home) => true,
                (Origin::Gone(file), Found::In(commits)) => {
                    commits.iter().any(|commit| commit.has_lost(file))
                }
                _ => false,
            };
            for mut object in objects {
                let mut same = of_cluster(after, &object)
                    .filter(|other| other.id.namespace == object.id.namespace);
                let other = same.next().map(|other| other.spec);
                drop(same);
                if spec.is_some() || other.is_some() || is_gone || known.contains(&object.id) {
                    object.spec = spec.or(other.flatten());
                    side.objects.push(object);
                }
            }
        }
    }
    Ok(side)
}
