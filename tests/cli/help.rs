//! Help texts against `help/COMMAND.txt`; `BLESS=1` (`make bless`) writes them anew.

use std::{collections::BTreeSet, fs, path::Path};

use crate::sandbox::{Sandbox, list};

/// The commands that the help of the program lists.
fn commands(help: &str) -> Vec<String> {
    let (_, rest) = help.split_once("Commands:\n").expect("a list of commands");
    let lines = rest.lines().take_while(|line| !line.is_empty());
    lines.filter_map(|line| line.split_whitespace().next()).map(str::to_owned).collect()
}

#[test]
fn every_command_has_its_help() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cli/help");
    let sandbox = Sandbox::new();
    let program = sandbox.run(&["--help"]).ok();
    let commands = commands(&program);
    assert!(commands.len() >= 8, "{commands:?}");
    let mut helps = vec![("redis-cluster-gen".to_owned(), program)];
    for command in commands.into_iter().filter(|command| command != "help") {
        let help = sandbox.run(&[&command, "--help"]).ok();
        assert!(sandbox.run(&[&command, "-h"]).ok().len() <= help.len());
        helps.push((command, help));
    }
    let mut wrong = Vec::new();
    let mut names = BTreeSet::new();
    for (name, help) in helps {
        let name = format!("{name}.txt");
        let path = folder.join(&name);
        assert!(help.lines().all(|line| line.chars().count() <= 100), "{name}: a line is too long");
        if std::env::var_os("BLESS").is_some() {
            fs::write(&path, &help).expect("the folder can be written");
        }
        let expected = fs::read_to_string(&path).unwrap_or_default();
        if expected != help {
            let diff = similar::TextDiff::from_lines(&expected, &help);
            wrong.push(diff.unified_diff().header(&name, "now").to_string());
        }
        names.insert(name);
    }
    let superfluous: Vec<_> =
        list(&folder).into_iter().filter(|name| !names.contains(name)).collect();
    assert!(wrong.is_empty(), "{}\nRight? Run `make bless`.", wrong.join("\n"));
    assert!(superfluous.is_empty(), "{superfluous:?} belong to no command");
}

/// Exit codes are part of the help, on stdout; no arguments at all is a mistake, on stderr.
#[test]
fn help_is_a_result_and_no_command_a_mistake() {
    let sandbox = Sandbox::new();
    let help = sandbox.run(&["--help"]).ok();
    assert!(help.contains("Exit status:"), "{help}");
    let ran = sandbox.run(&[]);
    assert_eq!((ran.code, ran.stdout.as_str()), (Some(2), ""));
    assert!(ran.stderr.contains("Usage: redis-cluster-gen"), "{ran:?}");
    let stderr = sandbox.run(&["rendr"]).refused();
    assert!(stderr.contains("'render'"), "{stderr}");
}
