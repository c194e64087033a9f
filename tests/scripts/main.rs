//! What the pods' scripts decide, with text instead of servers: `converge.awk` over what all pods answered, and single
//! functions of the shell scripts. Every shell and every awk that runs them is made to. The lab runs the scripts whole.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

type Result<T> = std::result::Result<T, Box<dyn std::error::Error>>;

/// The awks of the official images: mawk in Debian's, busybox in Alpine's.
const AWKS: [&[&str]; 2] = [&["mawk"], &["busybox", "awk"]];
/// The shells: dash in Debian's, busybox in Alpine's, bash in images of others.
const SHELLS: [&[&str]; 3] = [&["dash"], &["busybox", "sh"], &["bash"]];

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Runs a command and returns what it printed; what it complained about is an error.
fn run(command: &[&str], args: &[&str]) -> Result<String> {
    let output = Command::new(command[0])
        .args(&command[1..])
        .args(args)
        .env("TEMPLATES", root().join("templates"))
        .output()
        .map_err(|error| format!("cannot run {}: {error}; install it", command[0]))?;
    let stdout = String::from_utf8(output.stdout)?;
    if !output.status.success() || !output.stderr.is_empty() {
        let stderr = String::from_utf8_lossy(&output.stderr);
        return Err(format!("{command:?} {}:\n{stdout}{stderr}", output.status).into());
    }
    Ok(stdout)
}

/// `@a1` stands for a node id that begins so.
fn with_ids(text: &str) -> String {
    let mut parts = text.split('@');
    let mut full = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let short: String = part.chars().take_while(char::is_ascii_hexdigit).collect();
        // A bus port follows an @ as well.
        if short.len() == 2 {
            full.push_str(&format!("{short:0<40}"));
            full.push_str(&part[2..]);
        } else {
            full.push('@');
            full.push_str(part);
        }
    }
    full
}

fn cases() -> Result<Vec<PathBuf>> {
    let mut cases = Vec::new();
    for entry in fs::read_dir(root().join("tests/scripts/converge"))? {
        let path = entry?.path();
        if path.extension().is_some_and(|extension| extension == "in") {
            cases.push(path);
        }
    }
    cases.sort();
    Ok(cases)
}

#[test]
fn converge_decides_as_expected() -> Result<()> {
    let program = root().join("templates/converge.awk");
    let program = program.to_str().ok_or("a path that is no text")?;
    let folder = tempfile::tempdir()?;
    let input = folder.path().join("input");
    let cases = cases()?;
    assert!(cases.len() > 20, "the cases are gone");
    let mut wrong = Vec::new();
    for case in &cases {
        fs::write(&input, with_ids(&fs::read_to_string(case)?))?;
        let expected = case.with_extension("out");
        for awk in AWKS {
            let got = run(awk, &["-f", program, input.to_str().ok_or("a path that is no text")?])?;
            if std::env::var_os("BLESS").is_some() && awk == AWKS[0] {
                fs::write(&expected, &got)?;
            }
            let wanted = with_ids(&fs::read_to_string(&expected).unwrap_or_default());
            if got != wanted {
                wrong
                    .push(format!("{} with {awk:?}\nwanted:\n{wanted}got:\n{got}", case.display()));
            }
        }
    }
    assert!(wrong.is_empty(), "{}\n`make bless` writes what it decides now", wrong.join("\n"));
    Ok(())
}

#[test]
fn functions_do_what_they_say() -> Result<()> {
    let script = root().join("tests/scripts/functions.sh");
    let script = script.to_str().ok_or("a path that is no text")?;
    for shell in SHELLS {
        let checks = run(shell, &[script])?;
        assert!(checks.ends_with("checks passed\n"), "{shell:?}: {checks}");
    }
    Ok(())
}

/// What other tools would rewrite, or would make another block style of the script's text.
#[test]
fn scripts_are_inert_text() -> Result<()> {
    let mut scripts = 0;
    for entry in fs::read_dir(root().join("templates"))? {
        let path = entry?.path();
        if !path.extension().is_some_and(|extension| extension == "sh" || extension == "awk") {
            continue;
        }
        scripts += 1;
        for (number, line) in fs::read_to_string(&path)?.split('\n').enumerate() {
            let place = format!("{}:{}: {line}", path.display(), number + 1);
            for rewritten in ["${", "$$", "{{", "}}", "\t", "\r"] {
                assert!(!line.contains(rewritten), "{rewritten:?} in {place}");
            }
            assert!(line.is_ascii(), "not ASCII: {place}");
            assert!(!line.ends_with(' '), "trailing blank: {place}");
            assert!(line.len() <= 160, "long line: {place}");
        }
    }
    assert!(scripts >= 9, "the scripts are gone");
    Ok(())
}
