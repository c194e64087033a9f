//! Paths as generated text names them: relative, with forward slashes, the same from every working directory.

use std::{
    io,
    path::{Component, Path, PathBuf},
};

use redis_cluster_gen::error::Error;

use crate::input::{From, Input};

/// What generated text calls a spec that came from stdin.
pub(crate) const STDIN: &str = "stdin";

/// The names of specs relative to a folder.
pub(crate) fn relative_to(folder: &Path, specs: &[Input]) -> Result<Vec<String>, Error> {
    let folder = real(folder)?;
    let name = |spec: &Input| match &spec.from {
        From::Stdin => Ok(STDIN.to_owned()),
        From::File(path) => Ok(relative(&real_file(path)?, &folder)),
    };
    specs.iter().map(name).collect()
}

/// The names of specs relative to the folder that holds all of them, so the file name for a single one.
pub(crate) fn relative_to_common(specs: &[Input]) -> Result<Vec<String>, Error> {
    if let [Input { from: From::File(path), .. }] = specs {
        return Ok(vec![path.file_name().unwrap_or_default().to_string_lossy().into_owned()]);
    }
    let paths: Vec<_> = specs
        .iter()
        .filter_map(|spec| match &spec.from {
            From::Stdin => None,
            From::File(path) => Some(real_file(path)),
        })
        .collect::<Result<_, _>>()?;
    let folders = paths.iter().filter_map(|path| path.parent().map(Path::to_owned));
    let common = folders.reduce(|common, folder| common_ancestor(&common, &folder));
    let common = common.unwrap_or_default();
    let mut paths = paths.iter();
    let name = |spec: &Input| match &spec.from {
        From::Stdin => STDIN.to_owned(),
        From::File(_) => paths.next().map_or_else(String::new, |path| relative(path, &common)),
    };
    Ok(specs.iter().map(name).collect())
}

fn common_ancestor(one: &Path, other: &Path) -> PathBuf {
    let pairs = one.components().zip(other.components());
    pairs.take_while(|(a, b)| a == b).map(|(a, _)| a).collect()
}

/// The path without links, so that every way to the folder gives the same. The folder may be about to be made.
pub(super) fn real(folder: &Path) -> Result<PathBuf, Error> {
    let folder = if folder.as_os_str().is_empty() { Path::new(".") } else { folder };
    match (folder.canonicalize(), folder.parent(), folder.file_name()) {
        (Ok(path), ..) => Ok(path),
        (Err(error), Some(parent), Some(name)) if error.kind() == io::ErrorKind::NotFound => {
            Ok(real(parent)?.join(name))
        }
        (Err(source), ..) => Err(unreadable(folder, source)),
    }
}

/// The path of a file that keeps its own name when it is a link.
pub(super) fn real_file(path: &Path) -> Result<PathBuf, Error> {
    let name = path.file_name().ok_or_else(|| {
        unreadable(path, io::Error::new(io::ErrorKind::InvalidInput, "it has no file name"))
    })?;
    Ok(real(path.parent().unwrap_or(Path::new("")))?.join(name))
}

/// The path without `.`, and without `..` where it can be.
pub(crate) fn normal(path: &Path) -> PathBuf {
    let mut normal = PathBuf::new();
    for component in path.components() {
        match component {
            Component::CurDir => {}
            Component::ParentDir if normal.file_name().is_some() => {
                normal.pop();
            }
            other => normal.push(other),
        }
    }
    normal
}

/// The way from a folder to a file, both without links.
pub(super) fn relative(path: &Path, folder: &Path) -> String {
    let common = common_ancestor(path, folder);
    let (Ok(down), Ok(up)) = (path.strip_prefix(&common), folder.strip_prefix(&common)) else {
        return slashes(path);
    };
    if common.as_os_str().is_empty() {
        // Two drives.
        return slashes(path);
    }
    let ups: PathBuf = up.components().map(|_| Component::ParentDir).collect();
    slashes(&ups.join(down))
}

fn slashes(path: &Path) -> String {
    let text = path.to_string_lossy();
    if cfg!(windows) { text.replace('\\', "/") } else { text.into_owned() }
}

fn unreadable(path: &Path, source: io::Error) -> Error {
    Error::Io { action: "read", path: path.to_owned(), source }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_way_from_a_folder_to_a_file() {
        for (path, folder, way) in [
            ("/a/spec.yaml", "/a", "spec.yaml"),
            ("/a/spec.yaml", "/a/k8s", "../spec.yaml"),
            ("/a/b/spec.yaml", "/a/k8s/b", "../../b/spec.yaml"),
            ("/spec.yaml", "/", "spec.yaml"),
            ("/ab/spec.yaml", "/a", "../ab/spec.yaml"),
        ] {
            assert_eq!(relative(Path::new(path), Path::new(folder)), way, "{path} {folder}");
        }
    }
}
