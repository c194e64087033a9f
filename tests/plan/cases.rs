//! Each folder of `tests/plan/cases` has what is committed, `before.yaml`, the spec that is wanted, `after.yaml`, and in `expected.txt` what `plan` says.
//!
//! `BLESS=1` (`make bless`) writes the expected texts anew; read the diff before it is committed.

use std::{
    env, fs,
    path::{Path, PathBuf},
    process::Command,
};

use similar::TextDiff;

use crate::sandbox::{BINARY, Ran};

/// The folders of all cases.
pub(crate) fn all() -> Vec<PathBuf> {
    let mut folders: Vec<_> = fs::read_dir("tests/plan/cases")
        .expect("the folder of the cases")
        .map(|entry| entry.expect("an entry").path())
        .collect();
    folders.sort();
    folders
}

/// Runs `plan` in the folder of a case.
pub(crate) fn plan(case: &Path, more: &[&str]) -> Ran {
    let mut command = Command::new(BINARY);
    command.current_dir(case).env_clear();
    Ran::new(&mut command, &[&["plan", "after.yaml", "--against", "before.yaml"], more].concat())
}

/// Hashes in names change with every script, which is told elsewhere.
fn without_hashes(text: &str) -> String {
    let hash = regex::Regex::new(r"\b[0-9a-f]{10}\b").expect("a pattern");
    hash.replace_all(text, "HASH").into_owned()
}

#[test]
fn each_case_is_told_as_expected() {
    let cases = all();
    assert!(cases.len() >= 30, "only {} cases", cases.len());
    let mut stale = Vec::new();
    for case in cases {
        let more: &[&str] =
            if case.ends_with("password-rotation") { &["--rotate-password"] } else { &[] };
        let ran = plan(&case, more);
        let code = ran.code.expect("an exit code");
        let actual = format!("{}exit {code}\n", without_hashes(&ran.stdout));
        assert!(ran.stderr.is_empty(), "{}: {ran:?}", case.display());
        let path = case.join("expected.txt");
        if env::var_os("BLESS").is_some() {
            fs::write(&path, &actual).expect("the expected text can be written");
        }
        let expected = fs::read_to_string(&path).unwrap_or_default();
        if expected != actual {
            let diff = TextDiff::from_lines(&expected, &actual);
            let name = path.display().to_string();
            stale.push(diff.unified_diff().header(&name, &name).to_string());
        }
    }
    assert!(stale.is_empty(), "{}\nrun `make bless`", stale.join("\n"));
}

/// Nothing that only people may decide is left out, and nothing that is pasted needs a second thought.
#[test]
fn every_stage_says_all_that_belongs_to_it() {
    let mut stages = 0;
    for case in all() {
        let ran = plan(&case, &["-o", "json"]);
        let told: serde_json::Value = serde_json::from_str(&ran.stdout).expect("JSON");
        for stage in told["plans"][0]["stages"].as_array().expect("a list") {
            stages += 1;
            let name = format!("{} {}", case.display(), stage["name"]);
            for list in ["apply", "wait", "happens", "trouble", "rules"] {
                assert!(!stage[list].as_array().expect("a list").is_empty(), "{name}: {list}");
            }
            for text in ["name", "title", "back", "writes", "spec"] {
                assert!(!stage[text].as_str().expect("a text").is_empty(), "{name}: {text}");
            }
            for action in ["before", "apply", "wait"] {
                for action in stage[action].as_array().expect("a list") {
                    let Some(command) = action["command"].as_str() else { continue };
                    let checked = Command::new("sh").args(["-n", "-c", command]).output();
                    let checked = checked.expect("a shell");
                    assert!(checked.status.success(), "{name}: {command}");
                }
            }
        }
    }
    assert!(stages >= 30, "only {stages} stages");
}
