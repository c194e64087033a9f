//! `validate`: streams, exit codes and flags. What is found is tested in tests/reject, how it looks in tests/report.

use serde_json::Value;

use crate::sandbox::{Sandbox, spec, spec_with, wrong_spec};

fn warned_spec(name: &str) -> String {
    spec_with(name, "lifecycle:\n  minReadySeconds: 0\n")
}

#[test]
fn a_valid_spec() {
    let sandbox =
        Sandbox::with(&[("redis-cluster.yaml", &spec("orders")), ("b.yaml", &spec("users"))]);
    assert_eq!(sandbox.run(&["validate"]).told(), "redis-cluster.yaml is valid\n");
    assert_eq!(
        sandbox.run(&["validate", "redis-cluster.yaml", "b.yaml"]).told(),
        "2 specs are valid\n"
    );
    assert_eq!(sandbox.run(&["validate", "-q"]).told(), "");
    let told = sandbox.run(&["validate", "-v"]).told();
    assert_eq!(told, "checked redis-cluster.yaml\nredis-cluster.yaml is valid\n");
}

#[test]
fn findings_are_the_result() {
    let sandbox = Sandbox::with(&[
        ("a.yaml", &wrong_spec("orders")),
        ("b.yaml", &spec("users")),
        ("c.yaml", &warned_spec("items")),
    ]);
    let ran = sandbox.run(&["validate", "a.yaml", "b.yaml", "c.yaml"]);
    assert_eq!((ran.code, ran.stderr.as_str()), (Some(1), ""), "{ran:?}");
    assert!(ran.stdout.starts_with("error["), "{ran:?}");
    assert!(ran.stdout.contains(" a.yaml:10:3\n"), "{ran:?}");
    assert!(ran.stdout.contains("warning["), "{ran:?}");
    assert!(!ran.stdout.contains("b.yaml"), "{ran:?}");

    let lines = sandbox.run(&["validate", "-o", "concise", "a.yaml", "b.yaml", "c.yaml"]);
    assert_eq!(lines.code, Some(1));
    let mut lines = lines.stdout.lines();
    let mut line = || lines.next().unwrap_or_default().to_owned();
    let (first, second) = (line(), line());
    assert!(first.starts_with("a.yaml:10:3: error[RCG"), "{first}");
    assert!(second.starts_with("c.yaml:"), "{second}");
    assert!(second.contains(": warning[RCG"), "{second}");
    assert_eq!(line(), "");
}

#[test]
fn warnings_fail_only_when_asked() {
    let sandbox = Sandbox::with(&[("redis-cluster.yaml", &warned_spec("orders"))]);
    let ran = sandbox.run(&["validate"]);
    assert_eq!((ran.code, ran.stderr.as_str()), (Some(0), ""), "{ran:?}");
    assert!(ran.stdout.starts_with("warning["), "{ran:?}");
    let strict = sandbox.run(&["validate", "--strict"]);
    assert_eq!((strict.code, &strict.stdout), (Some(1), &ran.stdout));
    // Quiet is about what is said, not about the answer.
    sandbox.run(&["validate", "-q"]).told();
    let quiet = sandbox.run(&["validate", "-q", "--strict"]);
    assert_eq!((quiet.code, &quiet.stdout), (Some(1), &ran.stdout));
}

#[test]
fn the_exit_code_does_not_depend_on_the_format() {
    let sandbox =
        Sandbox::with(&[("bad.yaml", &wrong_spec("orders")), ("good.yaml", &spec("users"))]);
    for format in ["text", "concise", "json", "github", "gitlab", "sarif", "junit"] {
        let bad = sandbox.run(&["validate", "-o", format, "bad.yaml"]);
        assert_eq!(bad.code, Some(1), "{format}: {bad:?}");
        assert!(bad.stdout.contains("RCG"), "{format}: {bad:?}");
        let zero = sandbox.run(&["validate", "-o", format, "bad.yaml", "--exit-zero"]);
        assert_eq!((zero.code, &zero.stdout), (Some(0), &bad.stdout), "{format}");
        let good = sandbox.run(&["validate", "-o", format, "good.yaml"]);
        assert_eq!(good.code, Some(0), "{format}: {good:?}");
        assert!(!good.stdout.contains("RCG"), "{format}: {good:?}");
        if ["json", "gitlab", "sarif"].contains(&format) {
            for text in [&bad.stdout, &good.stdout] {
                serde_json::from_str::<Value>(text)
                    .unwrap_or_else(|error| panic!("{format}: {error}: {text}"));
            }
        }
    }
}

#[test]
fn what_is_no_yaml_has_no_answer() {
    let sandbox =
        Sandbox::with(&[("redis-cluster.yaml", "metadata: [\n"), ("good.yaml", &spec("users"))]);
    for arguments in [
        &["validate"][..],
        &["validate", "--exit-zero"],
        &["validate", "good.yaml", "redis-cluster.yaml"],
    ] {
        let ran = sandbox.run(arguments);
        assert_eq!(ran.code, Some(2), "{ran:?}");
        assert!(ran.stdout.contains("redis-cluster.yaml:"), "{ran:?}");
        assert!(ran.stderr.starts_with("error: "), "{ran:?}");
    }
}

#[test]
fn colours_are_for_terminals_or_asked_for() {
    let sandbox = Sandbox::with(&[("redis-cluster.yaml", &wrong_spec("orders"))]);
    let colourful = |arguments: &[&str], environment: &[(&str, &str)]| {
        let mut command = sandbox.command();
        command.envs(environment.iter().copied());
        let output = command.args(arguments).output().expect("a run");
        let validate = arguments[0] == "validate";
        (if validate { output.stdout } else { output.stderr }).contains(&b'\x1b')
    };
    for command in ["validate", "render"] {
        for (arguments, environment, expected) in [
            (&[][..], &[][..], false),
            (&["--color", "always"], &[], true),
            (&["--color", "auto"], &[("CLICOLOR_FORCE", "1")], true),
            (&[], &[("FORCE_COLOR", "1")], true),
            (&[], &[("FORCE_COLOR", "")], false),
            (&[], &[("CLICOLOR_FORCE", "1"), ("NO_COLOR", "1")], false),
            (&[], &[("FORCE_COLOR", "1"), ("NO_COLOR", "1")], false),
            (&["--color=always"], &[("NO_COLOR", "1")], true),
            (&["--color=never"], &[("CLICOLOR_FORCE", "1"), ("FORCE_COLOR", "1")], false),
            (&[], &[("TERM", "xterm-256color"), ("CI", "true"), ("GITHUB_ACTIONS", "true")], false),
        ] {
            let arguments = [&[command], arguments].concat();
            assert_eq!(
                colourful(&arguments, environment),
                expected,
                "{arguments:?} {environment:?}"
            );
        }
    }
    // Only people see colours.
    assert!(!colourful(&["validate", "-o", "concise", "--color=always"], &[]));
    assert!(!colourful(&["validate", "-o", "json", "--color=always"], &[]));
}
