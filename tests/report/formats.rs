//! What each format promises, whatever the problems say: its readers can read it.

use std::{fs, path::Path};

use redis_cluster_gen::report::{Format, json};
use serde_json::Value;

use crate::{cases, golden::write};

#[test]
fn json_schema_is_current() {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("schemas/report.v1.schema.json");
    let schema = serde_json::to_string_pretty(&json::schema()).expect("a schema is JSON") + "\n";
    if std::env::var_os("BLESS").is_some() {
        fs::write(&file, &schema).expect("the folder can be written");
    }
    let committed = fs::read_to_string(&file).expect("the schema is committed");
    assert!(committed == schema, "{} is old: run `make bless`", file.display());
}

#[test]
fn json_follows_its_schema() {
    let validator = jsonschema::validator_for(&json::schema()).expect("the schema is one");
    for case in cases::all() {
        let report: Value =
            serde_json::from_str(&write(&case, Format::Json, false)).expect("the report is JSON");
        let errors: Vec<_> = validator.iter_errors(&report).map(|e| e.to_string()).collect();
        assert!(errors.is_empty(), "{}: {errors:?}", case.name);
    }
}
