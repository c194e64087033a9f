//! Which spec generated text means by the name in its first line.
//!
//! A file for each object names its spec by the way from its folder. What was printed names each spec by the way from the folder that holds all of
//! that run, and may lie anywhere; it is understood where it lies beside that folder or in it, or where somebody says that it is a spec's output.

use std::path::{Path, PathBuf};

use redis_cluster_gen::error::Error;

use super::{
    marker,
    paths::{self, STDIN},
};
use crate::input::{From, Input};

/// Who has given a text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Origin {
    /// A spec of this run, by its place.
    Spec(usize),
    /// Another spec that is there.
    Other(PathBuf),
    /// A spec that would have to be here, and is not.
    Gone(PathBuf),
    /// Nobody knows: it came from stdin, or from somewhere else.
    Unknown,
}

/// A folder that names may lead from: as it is, and as commands name it.
struct Base {
    real: PathBuf,
    shown: PathBuf,
}

impl Base {
    fn at(shown: PathBuf) -> Result<Base, Error> {
        Ok(Base { real: paths::real(&shown)?, shown })
    }

    /// Whether a name leads to a file other than this one that is not output.
    fn has(&self, name: &str, file: &Path) -> bool {
        let path = paths::normal(&self.real.join(name));
        path != file && path.is_file() && marker::in_file(&path).is_ok_and(|found| found.is_none())
    }
}

/// The specs of a run: where each is, and as commands name it; none for the one from stdin.
pub(crate) struct Specs<'a>(Vec<Option<(PathBuf, &'a Path)>>);

impl<'a> Specs<'a> {
    pub(crate) fn of(specs: impl IntoIterator<Item = &'a Input>) -> Result<Specs<'a>, Error> {
        let place = |spec: &'a Input| match &spec.from {
            From::Stdin => Ok(None),
            From::File(path) => Ok(Some((paths::real_file(path)?, path.as_path()))),
        };
        Ok(Specs(specs.into_iter().map(place).collect::<Result<_, _>>()?))
    }
}

/// What the names in a file mean, each in its place. If the file is `named` as the output of the specs, it may lie anywhere.
pub(crate) fn of(
    file: &Path,
    names: &[&str],
    Specs(files): &Specs<'_>,
    named: bool,
) -> Result<Vec<Origin>, Error> {
    let folder = Base::at(file.parent().unwrap_or(Path::new("")).to_owned())?;
    let alone = file.file_name().unwrap_or_default();
    let path = folder.real.join(alone);
    let base = if is_of_object(&alone.to_string_lossy()) {
        Some(folder)
    } else {
        let mut bases = Vec::new();
        if named {
            for (real, shown) in files.iter().flatten() {
                for name in names.iter().filter(|name| real.ends_with(name)) {
                    let up = Path::new(name).components().count();
                    let above = |path: &Path| path.ancestors().nth(up).map(Path::to_owned);
                    let real = above(real).unwrap_or_default();
                    let shown = above(shown).unwrap_or_else(|| real.clone());
                    bases.push(Base { real, shown });
                }
            }
        }
        let above = above(&folder.shown);
        bases.extend([folder, Base::at(above)?]);
        // The first of those that explain most.
        let explains = |base: &Base| names.iter().filter(|name| base.has(name, &path)).count();
        let most = bases.iter().map(explains).max().filter(|most| *most > 0);
        bases.into_iter().find(|base| Some(explains(base)) == most)
    };
    let meaning = |name: &str| {
        if name == STDIN {
            let place = files.iter().position(Option::is_none);
            return place.map_or(Origin::Unknown, Origin::Spec);
        }
        let Some(base) = &base else { return Origin::Unknown };
        let real = paths::normal(&base.real.join(name));
        let is = |file: &Option<(PathBuf, &Path)>| {
            file.as_ref().is_some_and(|(other, _)| *other == real)
        };
        if let Some(place) = files.iter().position(is) {
            return Origin::Spec(place);
        }
        let shown = paths::normal(&base.shown.join(name));
        if base.has(name, &path) { Origin::Other(shown) } else { Origin::Gone(shown) }
    };
    Ok(names.iter().map(|name| meaning(name)).collect())
}

/// The folder that a folder is in, as commands name it.
fn above(folder: &Path) -> PathBuf {
    match folder.file_name() {
        Some(_) => folder.parent().unwrap_or(Path::new("")).to_owned(),
        None if folder.is_absolute() => folder.to_owned(),
        None => folder.join(".."),
    }
}

/// Whether a file is named after an object, `[namespace_]group_version_kind_name.yaml`, and so is not the output of whole specs in one file.
pub(crate) fn is_of_object(name: &str) -> bool {
    let is_version = |part: &str| {
        part.strip_prefix('v').is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_digit()))
    };
    name.ends_with(".yaml") && name.split('_').any(is_version)
}
