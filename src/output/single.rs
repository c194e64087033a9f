//! One file with the output of specs, as `render >FILE` writes it, and whether it is current. Nothing is written.

use std::{
    ops::Range,
    path::{Path, PathBuf},
    sync::Arc,
};

use redis_cluster_gen::{
    document::Document,
    error::{Error, Source},
};

use super::{
    folder::{Finding, State},
    marker, paths,
    stream::yaml,
};
use crate::{
    input::{From, Input},
    manifests,
};

/// A file, and the specs that are compared with it.
pub(crate) struct Single {
    path: PathBuf,
    source: Arc<Source>,
    parts: Vec<Part>,
}

/// What one spec has given.
struct Part {
    /// What the file calls the spec.
    origin: String,
    bytes: Range<usize>,
    /// The spec's place among those of this run.
    spec: Option<usize>,
    /// Where the spec is, if it is there.
    file: Option<PathBuf>,
    is_current: bool,
}

impl Single {
    /// Reads a file.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub(crate) fn read(path: &Path, specs: &[&Input]) -> Result<Single, Error> {
        let source = manifests::read_file(path)?;
        let folder = path.parent().unwrap_or(Path::new(""));
        // Where the specs are that the file calls by their names alone.
        let mut beside = folder;
        let mut parts: Vec<Part> = Vec::new();
        for (origin, bytes) in marker::parts(&source.text) {
            let mut part = Part {
                origin: origin.to_owned(),
                bytes,
                spec: None,
                file: None,
                is_current: false,
            };
            for (place, spec) in specs.iter().enumerate() {
                let From::File(file) = &spec.from else { continue };
                if part.spec.is_none() && paths::is_from(folder, origin, spec)? {
                    part.spec = Some(place);
                    part.file = Some(file.clone());
                    beside = file.parent().unwrap_or(Path::new(""));
                }
            }
            parts.push(part);
        }
        for part in parts.iter_mut().filter(|part| part.spec.is_none()) {
            let file = [beside, folder].map(|folder| folder.join(&part.origin));
            part.file = file.into_iter().find(|file| file.is_file());
        }
        Ok(Single { path: path.to_owned(), source, parts })
    }

    /// Compares what a spec renders to with its part.
    pub(crate) fn add(&mut self, spec: usize, documents: &[Document]) {
        let mut text = String::new();
        let mut is_first = true;
        for part in self.parts.iter_mut().filter(|part| part.spec == Some(spec)) {
            text.clear();
            yaml(&part.origin, documents, &mut text);
            part.is_current = is_first && self.source.text[part.bytes.clone()] == text;
            is_first = false;
        }
    }

    /// The file, if it is not as it should be.
    pub(crate) fn finding(&self) -> Option<Finding> {
        let wrong = |part: &&Part| !part.is_current && (part.spec.is_some() || part.file.is_none());
        let reasons: Vec<_> = self
            .parts
            .iter()
            .filter(wrong)
            .map(|part| match part.file {
                Some(_) => format!("what comes from {}", part.origin),
                None => format!("its spec {} is gone", part.origin),
            })
            .collect();
        let name = self.path.file_name().unwrap_or_default().to_string_lossy();
        let reason = if self.parts.len() > 1 { reasons.join(", ") } else { String::new() };
        (!reasons.is_empty()).then(|| Finding::new(State::Changed, name.into_owned(), &reason))
    }

    /// The specs that give the whole file anew, in its order.
    pub(crate) fn specs(&self) -> Vec<&Path> {
        let mut specs = Vec::new();
        for file in self.parts.iter().filter_map(|part| part.file.as_deref()) {
            if !specs.contains(&file) {
                specs.push(file);
            }
        }
        specs
    }
}
