//! `version`, `completion` and `man`.

use std::process::Command;

use serde_json::Value;

use crate::sandbox::Sandbox;

#[test]
fn version() {
    let sandbox = Sandbox::new();
    let line = format!("redis-cluster-gen {}\n", env!("CARGO_PKG_VERSION"));
    assert_eq!(sandbox.run(&["version"]).ok(), line);
    assert_eq!(sandbox.run(&["--version"]).ok(), line);
    let json: Value =
        serde_json::from_str(&sandbox.run(&["version", "-ojson"]).ok()).expect("JSON");
    assert_eq!(json["version"], env!("CARGO_PKG_VERSION"));
    assert_eq!(json["spec"][0], "redis-cluster-gen.dev/v1alpha1");
    assert_eq!(json["kubernetes"]["oldest"], "1.33");
    assert_eq!(json["engines"]["redis"]["oldest"], "7.0");
    assert_eq!(json["engines"]["valkey"]["newest"], "9.1");
}

#[test]
fn help_is_a_command_too() {
    let sandbox = Sandbox::new();
    assert_eq!(sandbox.run(&["help", "render"]).ok(), sandbox.run(&["render", "--help"]).ok());
}

#[test]
fn a_newer_kubernetes_is_taken_and_told() {
    let sandbox = Sandbox::new();
    sandbox.write("redis-cluster.yaml", sandbox.run(&["init", "-"]).ok());
    let told = sandbox.run(&["render", "--kube-version", "1.99"]);
    assert!(told.stderr.contains("warning: Kubernetes 1.99 is newer than 1.37"), "{}", told.stderr);
}

#[test]
fn completions_know_commands_and_flags() {
    let sandbox = Sandbox::new();
    for shell in ["bash", "elvish", "fish", "powershell", "zsh"] {
        let script = sandbox.run(&["completion", shell]).ok();
        for word in ["validate", "kube-version", "output-dir"] {
            assert!(script.contains(word), "{shell}: {word}");
        }
    }
    sandbox.run(&["completion", "tcsh"]).refused();
}

/// bash itself completes with the script.
#[cfg(unix)]
#[test]
fn bash_completes() {
    let sandbox = Sandbox::new();
    sandbox.write("completion.bash", sandbox.run(&["completion", "bash"]).ok());
    let complete = r#"
        source completion.bash
        COMP_WORDS=(redis-cluster-gen render --out) COMP_CWORD=2
        _redis__cluster__gen redis-cluster-gen --out render
        printf '%s\n' "${COMPREPLY[@]}""#;
    let output = Command::new("bash")
        .args(["--norc", "-c", complete])
        .current_dir(sandbox.path(""))
        .output()
        .expect("bash is needed");
    let words = String::from_utf8_lossy(&output.stdout);
    assert_eq!(words, "--output\n--output-dir\n", "{output:?}");
}

#[test]
fn manual_pages() {
    let sandbox = Sandbox::new();
    let page = sandbox.run(&["man"]).ok();
    assert!(page.contains(".TH redis-cluster-gen 1"), "{page}");
    let told = sandbox.run(&["man", "--output-dir", "share/man1"]).told();
    let pages = sandbox.list("share/man1");
    assert_eq!(told.lines().count(), pages.len());
    assert_eq!(sandbox.read("share/man1/redis-cluster-gen.1"), page);
    // One for each command that the program lists.
    let help = sandbox.run(&["--help"]).ok();
    for page in &pages {
        let command =
            page.strip_prefix("redis-cluster-gen").and_then(|rest| rest.strip_suffix(".1"));
        let command = command.expect("a name").trim_start_matches('-');
        assert!(help.contains(&format!("\n  {command}")), "{page}");
    }
    assert!(pages.contains(&"redis-cluster-gen-render.1".to_owned()), "{pages:?}");
    assert!(sandbox.read("share/man1/redis-cluster-gen-render.1").contains(r"\-\-output\-dir"));
    sandbox.write("file", "");
    sandbox.run(&["man", "--output-dir", "file"]).refused();
}
