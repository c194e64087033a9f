//! Where results go: documents to stdout or into a folder, other text to stdout or a file.
//!
//! Documents are kept aside until all are there, so that a mistake in the last spec leaves stdout
//! and folder as they were. What is kept moves from memory to a nameless temporary file when it
//! grows, so that memory does not grow with the number of specs.

pub(crate) mod folder;
mod kustomization;
pub(crate) mod marker;
pub(crate) mod paths;
mod stream;

use std::{
    env,
    fmt::Display,
    io::{self, Read, Seek, SeekFrom, StdoutLock, Write},
    ops::Range,
};

use redis_cluster_gen::{document::Document, error::Error};
use tempfile::{SpooledData, SpooledTempFile};

pub(crate) use folder::Folder;
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

/// Text that is kept until it is needed.
struct Spool {
    file: SpooledTempFile,
    end: u64,
}

impl Spool {
    /// Enough for some hundred specs, little beside the program itself.
    const IN_MEMORY: usize = 2 << 20;

    fn new() -> Spool {
        Spool { file: SpooledTempFile::new(Spool::IN_MEMORY), end: 0 }
    }

    fn push(&mut self, text: &str) -> Result<Range<u64>, Error> {
        let start = self.end;
        self.file.write_all(text.as_bytes()).map_err(Spool::error)?;
        self.end += text.len() as u64;
        Ok(start..self.end)
    }

    /// Reads a range into `buffer`, in place of what is there.
    fn read(&mut self, range: &Range<u64>, buffer: &mut Vec<u8>) -> Result<(), Error> {
        buffer.clear();
        self.file.seek(SeekFrom::Start(range.start)).map_err(Spool::error)?;
        (&mut self.file).take(range.end - range.start).read_to_end(buffer).map_err(Spool::error)?;
        Ok(())
    }

    /// Writes everything. On Linux the system copies from file to file by itself.
    fn copy(mut self, out: &mut StdoutLock<'static>) -> io::Result<()> {
        self.file.seek(SeekFrom::Start(0))?;
        match self.file.into_inner() {
            SpooledData::InMemory(memory) => out.write_all(memory.get_ref()),
            SpooledData::OnDisk(mut file) => io::copy(&mut file, out).map(drop),
        }
    }

    fn error(source: io::Error) -> Error {
        Error::Io { action: "use a temporary file in", path: env::temp_dir(), source }
    }
}

fn io_error(action: &'static str, path: impl Display, source: io::Error) -> Error {
    Error::Io { action, path: path.to_string().into(), source }
}
