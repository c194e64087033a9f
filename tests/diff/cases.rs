//! Each folder of `tests/diff/cases` has a side before and a side after, manifests or specs, and in `expected.txt` what `diff` says about them.
//!
//! What it says for Kubernetes 1.35 and 1.37 follows where it is not the same as for 1.33. `BLESS=1` (`make bless`) writes the expected texts anew; read the diff
//! before it is committed.

use std::{
    env, fs,
    path::{Path, PathBuf},
    process::Command,
    thread,
};

use similar::TextDiff;

use crate::sandbox::{BINARY, Ran};

const FOLDER: &str = "tests/diff/cases";
const VERSIONS: [&str; 3] = ["1.33", "1.35", "1.37"];

/// The folders of all cases.
pub(crate) fn all() -> Vec<PathBuf> {
    let mut folders: Vec<_> = fs::read_dir(FOLDER)
        .expect("the folder of the cases")
        .map(|entry| entry.expect("an entry").path())
        .collect();
    folders.sort();
    folders
}

/// Whether a case is about specs rather than manifests.
pub(crate) fn has_specs(case: &Path) -> bool {
    fs::read_to_string(case.join("after.yaml")).expect("a text").contains("kind: RedisCluster")
}

/// What `diff` says, its exit code last.
fn told(case: &Path, version: &str) -> String {
    let mut command = Command::new(BINARY);
    command.current_dir(case).env_clear().args(["diff", "-v", "--kube-version", version]);
    let sides: &[&str] = if has_specs(case) {
        &["after.yaml", "--against", "before.yaml"]
    } else {
        &["before.yaml", "after.yaml"]
    };
    let ran = Ran::new(&mut command, sides);
    let code = ran.code.expect("an exit code");
    // They change with every script, which is told elsewhere.
    let hash = regex::Regex::new(r"\b[0-9a-f]{10}\b").expect("a pattern");
    format!("{}exit {code}\n", hash.replace_all(&ran.stdout, "HASH"))
}

fn expected(case: &Path) -> String {
    let all = VERSIONS.map(|version| told(case, version));
    let mut text = all[0].clone();
    for (index, version) in VERSIONS.iter().enumerate().skip(1) {
        if all[index] != all[index - 1] {
            text += &format!("\n## Kubernetes {version}\n\n{}", all[index]);
        }
    }
    text
}

#[test]
fn each_case_is_told_as_expected() {
    let cases = all();
    assert!(cases.len() >= 120, "only {} cases", cases.len());
    let stale: Vec<String> = thread::scope(|scope| {
        let parts = cases.chunks(cases.len().div_ceil(4));
        let threads: Vec<_> = parts
            .map(|part| {
                scope.spawn(|| part.iter().filter_map(|case| stale(case)).collect::<Vec<_>>())
            })
            .collect();
        threads.into_iter().flat_map(|thread| thread.join().expect("a result")).collect()
    });
    assert!(stale.is_empty(), "{}\nrun `make bless`", stale.join("\n"));
}

fn stale(case: &Path) -> Option<String> {
    let (path, actual) = (case.join("expected.txt"), expected(case));
    if env::var_os("BLESS").is_some() {
        fs::write(&path, &actual).expect("the expected text can be written");
    }
    let expected = fs::read_to_string(&path).unwrap_or_default();
    let header = path.display().to_string();
    (expected != actual).then(|| {
        TextDiff::from_lines(&expected, &actual)
            .unified_diff()
            .context_radius(3)
            .header(&header, &header)
            .to_string()
    })
}
