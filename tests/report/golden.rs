//! Each case as text, and those that every format shows in its own way in each format, against
//! `expected/CASE.FORMAT`. `make bless` writes them anew.

use std::{fs, path::Path};

use clap::ValueEnum;
use redis_cluster_gen::report::{Format, Report};

use crate::cases::{self, Case};

/// The cases that are written in every format.
const ALL_FORMATS: [&str; 5] =
    ["clean", "several-files", "related-far-and-elsewhere", "end-of-file", "hostile"];

pub(crate) fn write(case: &Case, format: Format, color: bool) -> String {
    let mut out = Vec::new();
    let report = Report::new(&case.sources, &case.problems).titles(|code| match code {
        "RCG201" => Some("too few shards"),
        _ => None,
    });
    report.write(format, color, &mut out).expect("a Vec takes everything");
    let report = String::from_utf8(out).expect("a report is UTF-8");
    report.replace(concat!('"', env!("CARGO_PKG_VERSION"), '"'), "\"0.0.0\"")
}

#[test]
fn expected_files() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/report/expected");
    let mut wrong = Vec::new();
    let mut names = Vec::new();
    for case in cases::all() {
        for format in Format::value_variants() {
            if *format != Format::Text && !ALL_FORMATS.contains(&case.name) {
                continue;
            }
            let extension = format.to_possible_value().expect("no format is hidden");
            let name = format!("{}.{}", case.name, extension.get_name());
            let actual = write(&case, *format, false);
            if std::env::var_os("BLESS").is_some() {
                fs::write(folder.join(&name), &actual).expect("the folder can be written");
            }
            match fs::read_to_string(folder.join(&name)) {
                Ok(expected) if expected == actual => {}
                Ok(expected) => wrong.push(format!(
                    "{name} is different:\n{}",
                    similar::TextDiff::from_lines(&expected, &actual).unified_diff()
                )),
                Err(error) => {
                    wrong.push(format!("{name}: {error}, but this was written:\n{actual}"));
                }
            }
            names.push(name);
        }
    }
    for entry in fs::read_dir(&folder).expect("the folder can be read") {
        let name = entry.expect("the folder can be read").file_name().display().to_string();
        if !names.contains(&name) {
            wrong.push(format!("{name} belongs to no case"));
        }
    }
    assert!(wrong.is_empty(), "{}\nRight? Run `make bless`.", wrong.join("\n"));
}
