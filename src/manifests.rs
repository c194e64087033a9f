//! Manifests that are there already: in a folder, a file, from stdin, or in a commit.

mod folder;
mod git;

use std::{
    fs::{self, File},
    io::{self, Read},
    ops::Range,
    path::{Path, PathBuf},
    sync::Arc,
};

use redis_cluster_gen::{
    diff::{Mistake, Object, Side},
    error::{Error, Source},
    objects,
    spec::{self, Options},
};

pub(crate) use folder::{is_manifest_name, kubectl_names, read as read_folder};
pub(crate) use git::Commit;

use crate::output::marker;

/// The largest file of manifests that is read.
const MAX_BYTES: u64 = 64 << 20;

/// What to compare with.
#[derive(Debug)]
pub(crate) enum Against {
    Path(PathBuf),
    Stdin,
    /// A commit, and a path in it.
    Git {
        reference: String,
        path: Option<String>,
    },
}

impl Against {
    /// Reads `DIR`, `FILE`, `-` or `git:REF[:PATH]`.
    pub(crate) fn parse(text: &Path) -> Result<Against, Error> {
        if text == Path::new("-") {
            return Ok(Against::Stdin);
        }
        let Some(rest) = text.to_str().and_then(|text| text.strip_prefix("git:")) else {
            return Ok(Against::Path(text.to_owned()));
        };
        let (reference, path) = match rest.split_once(':') {
            Some((reference, path)) => (reference, Some(path.to_owned())),
            None => (rest, None),
        };
        if reference.is_empty() {
            return Err(Error::Usage("`git:` needs a branch, tag or commit: git:main".to_owned()));
        }
        Ok(Against::Git { reference: reference.to_owned(), path })
    }
}

/// A text of manifests, and where it lies.
pub(crate) struct Manifests {
    pub(crate) source: Arc<Source>,
    /// The file of the working tree that it is, or was; none for what comes from elsewhere.
    pub(crate) file: Option<PathBuf>,
}

impl Manifests {
    /// The folder of its file.
    pub(crate) fn folder(&self) -> Option<&Path> {
        self.file.as_deref().and_then(Path::parent)
    }

    /// What the parts that come from one spec each call it, and their texts; none if the first line is not ours.
    pub(crate) fn parts(&self) -> Vec<(&str, Arc<Source>)> {
        let text = &self.source.text;
        let parts = marker::parts(text);
        if let [(origin, _)] = parts.as_slice() {
            return vec![(origin, Arc::clone(&self.source))];
        }
        let part = |(origin, bytes): (_, Range<usize>)| {
            // Below as many empty lines, so that messages name the line of the file.
            let above = "\n".repeat(text[..bytes.start].matches('\n').count());
            let source = Source { name: self.source.name.clone(), text: above + &text[bytes] };
            (origin, Arc::new(source))
        };
        parts.into_iter().map(part).collect()
    }

    /// The objects in it; a spec gives those that it renders to.
    pub(crate) fn objects(&self, options: &Options) -> Result<Vec<Object>, Error> {
        objects_of(&self.source, options)
    }
}

/// The objects in a text; a spec gives those that it renders to.
pub(crate) fn objects_of(source: &Arc<Source>, options: &Options) -> Result<Vec<Object>, Error> {
    let mut side = Side::default();
    side.read(source).map_err(|mistake| refusal(source, &mistake))?;
    let is_spec = |object: &Object| {
        object.id.kind == "RedisCluster" && object.id.group == "redis-cluster-gen.dev"
    };
    if !side.objects.iter().any(is_spec) {
        return Ok(side.objects);
    }
    let loaded = spec::load(source, options);
    let Some(plan) = loaded.plan else {
        let name = &source.name;
        return Err(Error::Usage(format!(
            "{name} is a spec with mistakes, so there is nothing to compare with; see `redis-cluster-gen validate`"
        )));
    };
    Ok(objects::build(&plan)
        .into_iter()
        .filter_map(|document| Object::new(document.value, None))
        .collect())
}

fn refusal(source: &Source, mistake: &Mistake) -> Error {
    let (offset, reason) = match mistake {
        Mistake::Unreadable(unreadable) => {
            (unreadable.offset, format!("cannot be read as YAML or JSON: {}", unreadable.reason))
        }
        Mistake::NoObject(offset) => (
            *offset,
            "is no Kubernetes object: it needs apiVersion, kind and metadata.name".to_owned(),
        ),
    };
    let (line, column) = source.line_column(offset);
    Error::Usage(format!("{}:{line}:{column}: {reason}", source.name))
}

/// Reads a file.
pub(crate) fn read_file(path: &Path) -> Result<Arc<Source>, Error> {
    let failed = |source| Error::Io { action: "read", path: path.to_owned(), source };
    let mut bytes = Vec::new();
    File::open(path)
        .and_then(|file| file.take(MAX_BYTES + 1).read_to_end(&mut bytes))
        .map_err(failed)?;
    source(path.display().to_string(), bytes)
}

/// Reads stdin.
pub(crate) fn read_stdin() -> Result<Arc<Source>, Error> {
    let mut bytes = Vec::new();
    io::stdin().lock().take(MAX_BYTES + 1).read_to_end(&mut bytes).map_err(|source| Error::Io {
        action: "read",
        path: "<stdin>".into(),
        source,
    })?;
    source("<stdin>".to_owned(), bytes)
}

fn source(name: String, bytes: Vec<u8>) -> Result<Arc<Source>, Error> {
    if bytes.len() as u64 > MAX_BYTES {
        return Err(Error::Usage(format!("{name} is larger than {} MiB", MAX_BYTES >> 20)));
    }
    match String::from_utf8(bytes) {
        Ok(text) => Ok(Arc::new(Source { name, text })),
        Err(error) => {
            let valid = error.utf8_error().valid_up_to();
            Err(Error::Usage(format!("{name} is no text: byte {valid} is not UTF-8")))
        }
    }
}

/// Reads a file, or all manifests in a folder and below it.
pub(crate) fn read_path(path: &Path) -> Result<Vec<Manifests>, Error> {
    let metadata = fs::metadata(path).map_err(|source| Error::Io {
        action: "read",
        path: path.to_owned(),
        source,
    })?;
    if metadata.is_dir() {
        return read_folder(path, true);
    }
    Ok(vec![Manifests { source: read_file(path)?, file: Some(path.to_owned()) }])
}
