//! Manifests in a folder.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use redis_cluster_gen::error::Error;

use super::{Manifests, read_file};

/// Whether kubectl would take a file for a manifest.
pub(crate) fn is_manifest_name(name: &str) -> bool {
    !name.starts_with('.') && [".yaml", ".yml", ".json"].iter().any(|ending| name.ends_with(ending))
}

/// Whether a folder is one of the two that `kubectl diff` makes: its files are named `VERSION.KIND.NAMESPACE.NAME`, without an ending.
pub(crate) fn kubectl_names(folder: &Path) -> bool {
    let name = folder.file_name().unwrap_or_default().to_string_lossy();
    name.starts_with("LIVE-") || name.starts_with("MERGED-")
}

/// Reads the manifests in a folder, by name, and those below it if asked.
pub(crate) fn read(folder: &Path, below: bool) -> Result<Vec<Manifests>, Error> {
    let mut found = Vec::new();
    let any_name = kubectl_names(folder);
    for path in entries(folder)? {
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        if name.starts_with('.') {
            continue;
        }
        // Links to folders are not followed: they can lead in a circle.
        let is_link = fs::symlink_metadata(&path).is_ok_and(|metadata| metadata.is_symlink());
        if path.is_dir() {
            if below && !is_link {
                found.extend(read(&path, below)?);
            }
        } else if any_name || is_manifest_name(&name) {
            found.push(Manifests { source: read_file(&path)?, file: Some(path) });
        }
    }
    Ok(found)
}

fn entries(folder: &Path) -> Result<Vec<PathBuf>, Error> {
    let entries = fs::read_dir(folder)
        .and_then(|entries| entries.map(|entry| Ok(entry?.path())).collect::<io::Result<Vec<_>>>());
    let mut entries =
        entries.map_err(|source| Error::Io { action: "read", path: folder.to_owned(), source })?;
    entries.sort();
    Ok(entries)
}
