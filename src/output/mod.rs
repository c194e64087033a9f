//! Where results go: documents to stdout or into a folder, other text to stdout or a file.
//!
//! Documents are kept aside until all are there, so that a mistake in the last spec leaves stdout
//! and folder as they were. What is kept moves from memory to a nameless temporary file when it
//! grows, so that memory does not grow with the number of specs.

pub(crate) mod folder;
pub(crate) mod home;
pub(crate) mod kustomization;
pub(crate) mod marker;
pub(crate) mod origin;
pub(crate) mod paths;
mod single;
pub(crate) mod stages;
mod stream;

use std::{
    env,
    fmt::Display,
    fs::File,
    io::{self, Read, Seek, SeekFrom, StdoutLock, Write},
    ops::Range,
};

use redis_cluster_gen::{document::Document, error::Error};

pub(crate) use folder::Folder;
pub(crate) use single::Single;
pub(crate) use stream::Stream;

/// Takes documents, and passes them on when all are there.
pub(crate) trait Sink {
    /// Keeps the documents of a spec, in their order.
    fn add(&mut self, spec: usize, documents: &[Document]) -> Result<(), Error>;

    /// Passes everything on.
    fn commit(self: Box<Self>) -> Result<(), Error>;
}

/// Writes a whole result to stdout.
pub(crate) fn print(text: impl AsRef<[u8]>) -> Result<(), Error> {
    stdout(|out| out.write_all(text.as_ref()))
}

/// Writes to stdout. That nobody reads on is no error.
pub(crate) fn stdout(
    write: impl FnOnce(&mut StdoutLock<'static>) -> io::Result<()>,
) -> Result<(), Error> {
    let mut out = io::stdout().lock();
    match write(&mut out).and_then(|()| out.flush()) {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        result => result.map_err(|source| io_error("write", "stdout", source)),
    }
}

/// Text that is kept until it is needed: in memory, and from some size on in a nameless file.
struct Spool {
    /// What is in the file, in bytes.
    filed: u64,
    file: Option<File>,
    /// What comes after that.
    text: String,
}

impl Spool {
    /// Enough for some dozen specs, little beside the program itself.
    const IN_MEMORY: usize = 2 << 20;
    /// Enough for one spec: what has to grow is copied.
    const ONE_SPEC: usize = 256 << 10;

    fn new() -> Spool {
        Spool { filed: 0, file: None, text: String::with_capacity(Spool::ONE_SPEC) }
    }

    /// Keeps what `write` appends, and says where it is.
    fn push(&mut self, write: impl FnOnce(&mut String)) -> Result<Range<u64>, Error> {
        let start = self.filed + self.text.len() as u64;
        write(&mut self.text);
        let end = self.filed + self.text.len() as u64;
        if self.text.len() >= Spool::IN_MEMORY {
            let file = match &mut self.file {
                Some(file) => file,
                none => none.insert(tempfile::tempfile().map_err(Spool::error)?),
            };
            file.write_all(self.text.as_bytes()).map_err(Spool::error)?;
            self.filed = end;
            self.text.clear();
        }
        Ok(start..end)
    }

    /// Reads what one call of `push` has kept into `buffer`, in place of what is there. Nothing is pushed afterwards.
    fn read(&mut self, range: &Range<u64>, buffer: &mut Vec<u8>) -> Result<(), Error> {
        buffer.clear();
        let length = range.end - range.start;
        match &mut self.file {
            Some(file) if range.start < self.filed => {
                file.seek(SeekFrom::Start(range.start)).map_err(Spool::error)?;
                file.take(length).read_to_end(buffer).map_err(Spool::error)?;
            }
            _ => {
                let skipped = (range.start - self.filed) as usize;
                buffer.extend_from_slice(&self.text.as_bytes()[skipped..skipped + length as usize]);
            }
        }
        Ok(())
    }

    /// Writes everything. On Linux the system copies from file to file by itself.
    fn copy(self, out: &mut StdoutLock<'static>) -> io::Result<()> {
        if let Some(mut file) = self.file {
            file.seek(SeekFrom::Start(0))?;
            io::copy(&mut file, out)?;
        }
        out.write_all(self.text.as_bytes())
    }

    fn error(source: io::Error) -> Error {
        Error::Io { action: "use a temporary file in", path: env::temp_dir(), source }
    }
}

fn io_error(action: &'static str, path: impl Display, source: io::Error) -> Error {
    Error::Io { action, path: path.to_string().into(), source }
}
