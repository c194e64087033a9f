//! The stages in a folder: each is valid, each renders to what lies beside it, and the last is what was asked for.

use std::{fs, path::Path};

use crate::{
    cases,
    sandbox::{Ran, Sandbox, list, spec, spec_with},
};

/// The stages in a folder, in order.
fn stages(sandbox: &Sandbox, folder: &str) -> Vec<String> {
    sandbox.list(folder).into_iter().map(|name| format!("{folder}/{name}")).collect()
}

/// All files of a folder, without their first line, which says where they come from.
fn contents(folder: &Path) -> Vec<(String, String)> {
    list(folder)
        .into_iter()
        .map(|name| {
            let text = fs::read_to_string(folder.join(&name)).expect("a text");
            let (_, rest) = text.split_once('\n').expect("lines");
            (name, rest.to_owned())
        })
        .collect()
}

#[test]
fn stages_are_valid_and_lead_to_the_spec() {
    let mut seen = 0;
    for case in cases::all() {
        let sandbox = Sandbox::in_memory();
        for file in ["before.yaml", "after.yaml"] {
            sandbox.write(file, fs::read(case.join(file)).expect("a file"));
        }
        let arguments = ["plan", "after.yaml", "--against", "before.yaml", "--output-dir", "way"];
        let ran = sandbox.run(&arguments);
        let case = case.display();
        let stages = stages(&sandbox, "way");
        assert_eq!(stages.is_empty(), ran.code != Some(1), "{case}: {ran:?}");
        seen += stages.len();
        for stage in &stages {
            let spec = format!("{stage}/redis-cluster.yaml");
            sandbox.run(&["validate", &spec]).ok();
            sandbox.run(&["render", &spec, "--output-dir", "again"]).told();
            let written = contents(&sandbox.path(&format!("{stage}/manifests")));
            assert_eq!(written, contents(&sandbox.path("again")), "{case}: {stage}");
            assert!(!written.is_empty());
            fs::remove_dir_all(sandbox.path("again")).expect("it can be removed");
        }
        if let Some(last) = stages.last() {
            sandbox.run(&["render", "after.yaml", "--output-dir", "wanted"]).told();
            let written = contents(&sandbox.path(&format!("{last}/manifests")));
            assert_eq!(written, contents(&sandbox.path("wanted")), "{case}");
            fs::remove_dir_all(sandbox.path("wanted")).expect("it can be removed");
            let spec = sandbox.read(&format!("{last}/redis-cluster.yaml"));
            let (mark, text) = spec.split_once('\n').expect("lines");
            assert!(mark.starts_with("# Stage ") && mark.contains(" of a plan by "), "{mark}");
            assert_eq!(text, sandbox.read("after.yaml"), "{case}");
            // Once more over what is there.
            assert_eq!(sandbox.run(&arguments).stdout, ran.stdout, "{case}");
        }
    }
    assert!(seen >= 30, "only {seen} stages");
}

/// A plan with two stages.
fn two_stages() -> Sandbox {
    let sandbox = Sandbox::with(&[("redis-cluster.yaml", &spec("stock"))]);
    sandbox.run(&["render", "--output-dir", "k8s"]).told();
    sandbox.write(
        "redis-cluster.yaml",
        spec_with("stock", "topology:\n  shards: 4\n").replace("8.0.6", "8.0.7"),
    );
    sandbox
}

#[test]
fn stages_beside_a_spec_are_not_taken_for_specs() {
    let sandbox = Sandbox::with(&[
        ("before.yaml", &spec("orders")),
        ("redis-cluster.yaml", &(spec("orders") + "  topology: {shards: 4}\n")),
    ]);
    let arguments = ["plan", ".", "--against", "before.yaml", "--output-dir", "way"];
    let ran = sandbox.run(&arguments);
    assert_eq!(ran.code, Some(1), "{ran:?}");
    // Once more, now that there are stages.
    assert_eq!(sandbox.run(&arguments).stdout, ran.stdout);
    let wanted = sandbox.run(&["render", "redis-cluster.yaml"]).ok();
    assert_eq!(sandbox.run(&["render", "."]).ok(), wanted);
    // Whoever names a stage means it.
    let stage = format!("way/{}", sandbox.list("way")[0]);
    sandbox.run(&["render", &stage]).ok();
    sandbox.run(&["render", &format!("{stage}/redis-cluster.yaml")]).ok();
    // What was put in the place of the spec is one.
    sandbox.write("redis-cluster.yaml", sandbox.read(&format!("{stage}/redis-cluster.yaml")));
    sandbox.run(&["render", "."]).ok();
}

#[test]
fn a_stage_that_was_applied_is_no_longer_planned() {
    let sandbox = two_stages();
    assert_eq!(sandbox.run(&["plan", "--output-dir", "way"]).code, Some(1));
    assert_eq!(sandbox.list("way"), ["1-upgrade", "2-grow"]);
    let wanted = sandbox.read("redis-cluster.yaml");
    let first = sandbox.read("way/1-upgrade/redis-cluster.yaml");
    sandbox.write("redis-cluster.yaml", first);
    sandbox.run(&["render", "--output-dir", "k8s"]).told();
    sandbox.write("redis-cluster.yaml", &wanted);
    assert_eq!(sandbox.run(&["plan", "--output-dir", "rest"]).code, Some(1));
    assert_eq!(sandbox.list("rest"), ["1-grow"]);
    sandbox.run(&["render", "--output-dir", "k8s"]).told();
    let done = sandbox.run(&["plan"]);
    assert_eq!(done.code, Some(0));
    assert_eq!(done.stdout, "redis-cluster.yaml: nothing to do.\n");
    assert!(done.stderr.contains("k8s is what the spec renders"), "{done:?}");
    assert!(done.stderr.contains("plan --against git:HEAD"), "{done:?}");
}

/// Whoever has one file of manifests gets commands that write this file anew.
#[test]
fn one_file_is_written_anew() {
    let sandbox = Sandbox::with(&[("here/redis-cluster.yaml", &spec("stock"))]);
    let rendered = sandbox.run(&["render", "here/redis-cluster.yaml"]).ok();
    sandbox.write("here/redis-cluster.yaml", spec("stock").replace("8.0.6", "8.0.7"));
    for (file, arguments) in [
        ("k8s/redis.yaml", &["plan"][..]),
        ("../redis.yaml", &["plan", "--against", "../redis.yaml"]),
    ] {
        sandbox.write(&format!("here/{file}"), &rendered);
        let mut command = sandbox.command();
        let ran = Ran::new(command.current_dir(sandbox.path("here")), arguments);
        let render = format!(
            "redis-cluster-gen render redis-cluster.yaml >{file}.new && mv {file}.new {file}"
        );
        for command in [
            &render,
            &format!("git add redis-cluster.yaml {file} && "),
            &format!("apply -f {file}"),
        ] {
            assert!(ran.stdout.contains(command), "{command}: {ran:?}");
        }
        std::fs::remove_file(sandbox.path(&format!("here/{file}"))).expect("removed");
    }
}

/// A file that several specs share is written anew with all of them, and the plan of one changes no other's cluster.
#[test]
fn one_file_of_several_specs() {
    let sandbox = Sandbox::with(&[("b.yaml", &spec("b")), ("a.yaml", &spec("a"))]);
    sandbox.write("k8s/all.yaml", sandbox.run(&["render", "b.yaml", "a.yaml"]).ok());
    sandbox.write("a.yaml", spec("a").replace("8.0.6", "8.0.7"));
    for arguments in [&["plan", "a.yaml"][..], &["plan", "a.yaml", "--against", "k8s/all.yaml"]] {
        let ran = sandbox.run(arguments);
        let render = "redis-cluster-gen render b.yaml a.yaml >k8s/all.yaml.new && ";
        assert!(ran.stdout.contains(render), "{ran:?}");
        assert!(!ran.stdout.contains("delete --ignore-not-found"), "{ran:?}");
    }
    assert_eq!(
        sandbox.run(&["plan", "a.yaml", "b.yaml"]).stdout.matches("Stage 1 of 1").count(),
        1
    );
    sandbox.write("b.yaml", spec("b").replace("8.0.6", "8.0.7"));
    let told = sandbox.run(&["plan", "a.yaml"]).refused();
    assert!(
        told.contains("k8s/all.yaml has the output of b.yaml, too, which is not current"),
        "{told}"
    );
    // Nor does it leave one out.
    sandbox.write("b.yaml", spec("b"));
    std::fs::rename(sandbox.path("b.yaml"), sandbox.path("c.yaml")).expect("renamed");
    let told = sandbox.run(&["plan", "a.yaml"]).refused();
    assert!(told.contains("has the output of b.yaml, too, which is gone"), "{told}");
}

/// Whoever writes a stage's lines by hand may forget one.
#[test]
fn a_forgotten_line_is_noticed() {
    let sized = |shards: u32, more: &str| {
        spec_with("stock", &format!("topology:\n  shards: {shards}\n{more}"))
    };
    let sandbox = Sandbox::with(&[("x/redis-cluster.yaml", &sized(5, ""))]);
    let text = sandbox.run(&["render", "x"]).ok();
    sandbox.write("far/er/all.yaml", text);
    sandbox.write("x/redis-cluster.yaml", sized(3, ""));
    let ran = sandbox.run(&["plan", "x", "--against", "far/er/all.yaml"]);
    let guard =
        ran.stdout.lines().find_map(|line| line.trim().strip_prefix("$ redis-cluster-gen diff "));
    let guard = guard.expect("a guard").strip_suffix(" || [ $? -eq 1 ]").expect("its end");
    let guard: Vec<_> = ["diff"].into_iter().chain(guard.split(' ')).collect();
    assert_eq!(sandbox.run(&guard).code, Some(3), "{guard:?}");
    sandbox.write("x/redis-cluster.yaml", sized(3, "  retiring:\n    shards: 2\n"));
    assert_eq!(sandbox.run(&guard).code, Some(1), "{guard:?}");
}

#[test]
fn pods_on_their_way_out_are_not_forgotten() {
    let sandbox = two_stages();
    let wanted = sandbox.read("redis-cluster.yaml");
    let retires = wanted.replace("shards: 4", "shards: 3\n    retiring: { shards: 1 }");
    assert_ne!(retires, wanted);
    sandbox.write("redis-cluster.yaml", retires);
    sandbox.run(&["render", "--output-dir", "k8s"]).told();
    let done = sandbox.run(&["plan"]);
    assert_eq!(done.code, Some(0));
    assert!(done.stderr.contains("take `topology.retiring` out of the spec"), "{done:?}");
}

#[test]
fn foreign_files_are_never_touched() {
    let sandbox = two_stages();
    sandbox.write("way/1-upgrade/redis-cluster.yaml", "mine: 1\n");
    let told = sandbox.run(&["plan", "--output-dir", "way"]).refused();
    assert!(told.contains("way/1-upgrade/redis-cluster.yaml was not written by a plan"), "{told}");
    assert_eq!(sandbox.read("way/1-upgrade/redis-cluster.yaml"), "mine: 1\n");
    assert_eq!(sandbox.list("way"), ["1-upgrade"]);
    sandbox.write("other/notes.txt", "mine\n");
    let told = sandbox.run(&["plan", "--output-dir", "other"]).refused();
    assert!(told.contains("other/notes.txt is in the folder"), "{told}");
    assert_eq!(sandbox.list("other"), ["notes.txt"]);
}
