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
    empty: bool,
}

const LIST_START: &str = r#"{
    "apiVersion": "v1",
    "kind": "List",
    "items": ["#;
const LIST_END: &str = "\n    ]\n}\n";

impl Stream {
    pub(crate) fn new(format: RenderFormat, origins: Vec<String>) -> Stream {
        Stream { format, origins, spool: Spool::new(), empty: true }
    }
}

impl Sink for Stream {
    fn add(&mut self, spec: usize, documents: &[Document]) -> Result<(), Error> {
        let Stream { format, origins, spool, empty } = self;
        spool.push(|text| match format {
            RenderFormat::Yaml => yaml(&origins[spec], documents, text),
            RenderFormat::Json => {
                for document in documents {
                    text.push_str(if *empty { LIST_START } else { "," });
                    json(document, text);
                    *empty = false;
                }
            }
            RenderFormat::Name => documents.iter().for_each(|document| name(document, text)),
            // `render` draws pictures: what is drawn is in the plan, too.
            RenderFormat::Graph | RenderFormat::Svg => {}
        })?;
        Ok(())
    }

    fn commit(mut self: Box<Self>) -> Result<(), Error> {
        if self.format == RenderFormat::Json {
            self.spool.push(|text| text.push_str(LIST_END))?;
        }
        stdout(|out| self.spool.copy(out))
    }
}

/// The documents of a spec, which the text calls `origin`.
pub(crate) fn yaml(origin: &str, documents: &[Document], text: &mut String) {
    text.push_str(&marker::line(origin));
    for document in documents {
        // In front of each document, so that the output of two runs can be put together.
        text.push_str("---\n");
        yaml::write(&document.value, text);
    }
}

/// An item of a list, indented by four blanks as kubectl does.
fn json(document: &Document, text: &mut String) {
    // No line break in the text is inside a string.
    for line in format!("{:#}", document.value).lines() {
        let content = line.trim_start();
        text.push_str("\n        ");
        for _ in 0..line.len() - content.len() {
            text.push_str("  ");
        }
        text.push_str(content);
    }
}

fn name(document: &Document, text: &mut String) {
    text.push_str(&document.kind().to_lowercase());
    if let Some((group, _)) = document.api_version().split_once('/') {
        text.push('.');
        text.push_str(group);
    }
    text.push('/');
    text.push_str(document.name());
    text.push('\n');
}
