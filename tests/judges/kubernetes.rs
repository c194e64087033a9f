//! `kubernetes-validate --strict`: every object is what the API server of each Kubernetes version knows.

use std::{fs, path::Path, process::Command};

use crate::{
    common::{
        rendered::{self, root, run, stdout, temporary},
        tools,
    },
    published,
};

/// The supported versions, and four older ones that the output should work on as well.
const VERSIONS: [&str; 9] =
    ["1.29", "1.30", "1.31", "1.32", "1.33", "1.34", "1.35", "1.36", "1.37"];

fn validate(file: &Path) -> Command {
    // Not the link in bin/: an interpreter finds its packages by where it is.
    let mut command = Command::new(tools::program("kubernetes-validate/bin/python"));
    command.arg(root().join("tests/judges/validate.py")).arg(file).args(VERSIONS);
    command
}

#[test]
fn every_object_is_valid_in_every_version() {
    let file = temporary("kubernetes").join("all.yaml");
    let (mut text, mut objects) = (String::new(), 0);
    for rendered in rendered::all() {
        // Those of the Prometheus Operator and of cert-manager are not Kubernetes' own: `published.rs` judges them.
        for document in rendered.documents().into_iter().filter(|text| !is_custom(text)) {
            text.push_str("---\n");
            text.push_str(document);
            objects += 1;
        }
    }
    fs::write(&file, text).expect("the file can be written");
    let said = stdout(&mut validate(&file));
    assert_eq!(said, format!("{objects} objects are valid in {} versions\n", VERSIONS.len()));
}

fn is_custom(document: &str) -> bool {
    published::VERSIONS
        .iter()
        .any(|version| document.starts_with(&format!("apiVersion: {version}\n")))
}

#[test]
fn mistakes_are_found() {
    let file = temporary("kubernetes-mistakes").join("mistakes.yaml");
    for (mistake, expected) in [
        (
            "apiVersion: v1\nkind: Service\nmetadata: {name: a}\nspec: {ports: [{port: http}]}\n",
            "'http'",
        ),
        ("apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\ndata: {a: yes}\n", "True"),
        ("apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\ndate: {}\n", "date"),
        ("apiVersion: v1\nkind: ConfigMop\nmetadata: {name: a}\n", "ConfigMop"),
        (
            "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\n---\napiVersion: apps/v1\nkind: StatefulSet\n\
             metadata: {name: b}\nspec: {serviceName: b}\n",
            "'selector' is a required property",
        ),
    ] {
        fs::write(&file, mistake).expect("the file can be written");
        let output = run(&mut validate(&file));
        let said = String::from_utf8_lossy(&output.stdout);
        assert_eq!(output.status.code(), Some(1), "{mistake}{said}");
        for version in VERSIONS {
            let found =
                said.lines().any(|line| line.starts_with(version) && line.contains(expected));
            assert!(found, "{mistake}{version} does not say {expected}:\n{said}");
        }
    }
}
