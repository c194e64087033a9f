//! Documents to stdout, in the formats that kubectl has.

use redis_cluster_gen::{document::Document, error::Error, yaml};

use super::{Sink, Spool, marker, stdout};
use crate::cli::RenderFormat;

/// Documents on their way to stdout.
pub(crate) struct Stream {
    format: RenderFormat,
    /// What the text calls each spec.
    origins: Vec<String>,
    spool: Spool,
    /// The documents of the spec at hand as text; kept for its memory.
    text: String,
    empty: bool,
}

const LIST_START: &str = r#"{
    "apiVersion": "v1",
    "kind": "List",
    "items": ["#;
const LIST_END: &str = "\n    ]\n}\n";

impl Stream {
    pub(crate) fn new(format: RenderFormat, origins: Vec<String>) -> Stream {
        Stream { format, origins, spool: Spool::new(), text: String::new(), empty: true }
    }

    fn add_yaml(&mut self, document: &Document) {
        // In front of each document, so that the output of two runs can be put together.
        self.text.push_str("---\n");
        yaml::write(&document.value, &mut self.text);
    }

    fn add_json(&mut self, document: &Document) {
        self.text.push_str(if self.empty { LIST_START } else { "," });
        self.empty = false;
        // kubectl indents by four blanks. No line break in the text is inside a string.
        for line in format!("{:#}", document.value).lines() {
            let content = line.trim_start();
            self.text.push_str("\n        ");
            for _ in 0..line.len() - content.len() {
                self.text.push_str("  ");
            }
            self.text.push_str(content);
        }
    }

    fn add_name(&mut self, document: &Document) {
        self.text.push_str(&document.kind().to_lowercase());
        if let Some((group, _)) = document.api_version().split_once('/') {
            self.text.push('.');
            self.text.push_str(group);
        }
        self.text.push('/');
        self.text.push_str(document.name());
        self.text.push('\n');
    }
}

impl Sink for Stream {
    fn add(&mut self, spec: usize, documents: &[Document]) -> Result<(), Error> {
        self.text.clear();
        if self.format == RenderFormat::Yaml {
            self.text.push_str(&marker::line(&self.origins[spec]));
        }
        for document in documents {
            match self.format {
                RenderFormat::Yaml => self.add_yaml(document),
                RenderFormat::Json => self.add_json(document),
                RenderFormat::Name => self.add_name(document),
            }
        }
        self.spool.push(&self.text).map(drop)
    }

    fn commit(mut self: Box<Self>) -> Result<(), Error> {
        if self.format == RenderFormat::Json {
            self.spool.push(LIST_END)?;
        }
        stdout(|out| self.spool.copy(out))
    }
}
