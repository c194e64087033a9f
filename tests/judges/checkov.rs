//! checkov over the examples: nothing fails but what `checkov-skips.yaml` lists, each with a reason, and everything that it
//! lists does fail.

use std::{collections::BTreeMap, fs, path::Path, process::Command};

use serde::Deserialize;
use serde_json::Value;

use crate::{
    assert_none,
    common::{
        rendered::{self, root, run, stdout, temporary},
        tools,
    },
};

/// Checks that we fail by choice.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Skip {
    check: String,
    kinds: Vec<String>,
    examples: Option<Vec<String>>,
    /// A part of the object's name.
    name: Option<String>,
    reason: String,
}

/// One failed check.
#[derive(Debug)]
struct Finding {
    check: String,
    title: String,
    example: String,
    kind: String,
    name: String,
}

impl Skip {
    fn covers(&self, finding: &Finding) -> bool {
        self.check == finding.check
            && self.kinds.contains(&finding.kind)
            && self.name.as_ref().is_none_or(|name| finding.name.contains(name))
            && self.examples.as_ref().is_none_or(|examples| examples.contains(&finding.example))
    }
}

#[test]
fn only_listed_checks_fail() {
    let folder = temporary("checkov");
    let mut objects = 0;
    for example in rendered::examples() {
        let files = folder.join(&example.name);
        stdout(rendered::binary().args(["render", "--output-dir"]).arg(files).arg(&example.spec));
        objects += example.objects.len();
    }
    let (passed, findings) = checkov(&folder);
    assert!(passed > objects * 2, "only {passed} checks passed for {objects} objects");

    let skips = root().join("tests/judges/checkov-skips.yaml");
    let skips: Vec<Skip> =
        serde_yaml::from_str(&fs::read_to_string(skips).expect("the list is there"))
            .expect("the list is a list of skips");
    let mut wrong = Vec::new();
    for finding in findings.iter().filter(|finding| !skips.iter().any(|skip| skip.covers(finding)))
    {
        let Finding { check, title, example, kind, name } = finding;
        wrong.push(format!("{example}: {kind} {name}: {check}: {title}"));
    }
    for skip in &skips {
        if skip.reason.trim().len() < 20 {
            wrong.push(format!("{}: the skip has no reason", skip.check));
        }
        for kind in &skip.kinds {
            for example in skip
                .examples
                .iter()
                .flatten()
                .map(Some)
                .chain(skip.examples.is_none().then_some(None))
            {
                let fires = findings.iter().any(|finding| {
                    skip.covers(finding)
                        && finding.kind == *kind
                        && example.is_none_or(|example| finding.example == *example)
                });
                if !fires {
                    let example = example.map_or("any example", String::as_str);
                    wrong.push(format!(
                        "{}: does not fail for a {kind} in {example}, so the skip can go",
                        skip.check
                    ));
                }
            }
        }
    }
    assert_none(&wrong);
}

/// The number of passed checks, and what failed.
fn checkov(folder: &Path) -> (usize, Vec<Finding>) {
    let mut command = Command::new(tools::program("bin/checkov"));
    command.args([
        "--framework",
        "kubernetes",
        "--skip-download",
        "--compact",
        "--quiet",
        "--output",
        "json",
    ]);
    // Its own configuration is looked for in the working directory and in HOME.
    command.arg("--directory").arg(folder).current_dir(folder).env("HOME", folder);
    let output = run(&mut command);
    let said = String::from_utf8_lossy(&output.stdout);
    let report: Value = serde_json::from_str(&said).unwrap_or_else(|error| {
        panic!("{error}:\n{said}{}", String::from_utf8_lossy(&output.stderr))
    });
    let count =
        |key: &str| report["summary"][key].as_u64().unwrap_or_else(|| panic!("no {key}: {said}"));
    assert_eq!(count("parsing_errors"), 0, "{said}");
    assert_eq!(count("skipped"), 0, "a rendered annotation skips a check: {said}");
    let findings: Vec<_> = report["results"]["failed_checks"]
        .as_array()
        .expect("there is a list of failed checks")
        .iter()
        .map(|failed| {
            let text = |key: &str| failed[key].as_str().unwrap_or_default().to_owned();
            // `StatefulSet.shop.orders-0`, and `Kind.namespace.name.something` for parts of it.
            let resource = text("resource");
            let parts: Vec<_> = resource.splitn(3, '.').collect();
            Finding {
                check: text("check_id"),
                title: text("check_name"),
                example: text("file_path")
                    .trim_start_matches('/')
                    .split('/')
                    .next()
                    .unwrap_or_default()
                    .to_owned(),
                kind: parts.first().copied().unwrap_or_default().to_owned(),
                name: parts.last().copied().unwrap_or_default().to_owned(),
            }
        })
        .collect();
    assert_eq!(count("failed"), findings.len() as u64);
    (count("passed") as usize, findings)
}

#[test]
fn mistakes_are_found() {
    let folder = temporary("checkov-mistakes");
    fs::create_dir(folder.join("bad")).expect("a folder can be made");
    let pod = "apiVersion: v1\nkind: Pod\nmetadata: {name: a, namespace: shop}\nspec:\n  hostNetwork: true\n  containers:\n  \
               - {name: a, image: 'a:latest', securityContext: {privileged: true}}\n";
    fs::write(folder.join("bad/pod.yaml"), pod).expect("the file can be written");
    let (_, findings) = checkov(&folder);
    let by_check: BTreeMap<_, _> =
        findings.iter().map(|finding| (finding.check.as_str(), finding)).collect();
    for check in ["CKV_K8S_16", "CKV_K8S_19", "CKV_K8S_14", "CKV_K8S_22"] {
        let finding =
            by_check.get(check).unwrap_or_else(|| panic!("{check} is not among {findings:?}"));
        assert_eq!(
            (finding.kind.as_str(), finding.name.as_str(), finding.example.as_str()),
            ("Pod", "a", "bad")
        );
    }
}
