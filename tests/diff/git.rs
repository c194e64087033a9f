//! `--against git:REF` in real repositories: branches, renames, deleted folders, shallow clones, submodules, dirty trees.

use std::{path::Path, process::Command};

use crate::sandbox::{Ran, Sandbox, spec, spec_with};

/// Runs git in a folder of the sandbox, as nobody in particular.
fn git(sandbox: &Sandbox, folder: &str, arguments: &[&str]) -> String {
    let mut command = Command::new("git");
    command
        .args([
            "-c",
            "user.name=t",
            "-c",
            "user.email=t@example.com",
            "-c",
            "init.defaultBranch=main",
        ])
        .args(["-c", "protocol.file.allow=always", "-c", "commit.gpgsign=false"])
        .args(arguments)
        .current_dir(sandbox.path(folder))
        .env("GIT_CONFIG_GLOBAL", "/dev/null")
        .env("GIT_CONFIG_NOSYSTEM", "1");
    let ran = Ran::new(&mut command, &[]);
    assert_eq!(ran.code, Some(0), "{arguments:?}: {ran:?}");
    ran.stdout
}

/// The binary in a folder; it needs the PATH to find git.
fn run(sandbox: &Sandbox, folder: &str, arguments: &[&str]) -> Ran {
    let mut command = sandbox.command();
    command
        .current_dir(sandbox.path(folder))
        .env("PATH", std::env::var_os("PATH").unwrap_or_default())
        .env("GIT_CONFIG_GLOBAL", "/dev/null");
    Ran::new(&mut command, arguments)
}

fn commit(sandbox: &Sandbox, folder: &str, message: &str) {
    git(sandbox, folder, &["add", "--all"]);
    git(sandbox, folder, &["commit", "--quiet", "--message", message]);
}

/// A repository with a spec and its output on `main`, and a branch `change` with another version.
fn repository() -> Sandbox {
    let sandbox = Sandbox::new();
    sandbox.write("r/redis-cluster.yaml", spec("stock"));
    git(&sandbox, "r", &["init", "--quiet"]);
    run(&sandbox, "r", &["render", "--output-dir", "k8s"]).told();
    commit(&sandbox, "r", "one");
    git(&sandbox, "r", &["switch", "--quiet", "--create", "change"]);
    sandbox.write("r/redis-cluster.yaml", spec("stock").replace("8.0.6", "8.0.7"));
    run(&sandbox, "r", &["render", "--output-dir", "k8s"]).told();
    commit(&sandbox, "r", "two");
    sandbox
}

/// What git sees of the repository: nothing may change.
fn state(sandbox: &Sandbox) -> String {
    let mut state = git(sandbox, "r", &["status", "--porcelain", "--ignored"]);
    state += &git(sandbox, "r", &["for-each-ref"]);
    state += &git(sandbox, "r", &["stash", "list"]);
    state
}

#[track_caller]
fn differs(sandbox: &Sandbox, folder: &str, arguments: &[&str]) -> String {
    let ran = run(sandbox, folder, arguments);
    assert_eq!(ran.code, Some(1), "{ran:?}");
    ran.stdout
}

#[test]
fn a_branch_a_tag_a_commit() {
    let sandbox = repository();
    git(&sandbox, "r", &["tag", "v1", "main"]);
    let hash = git(&sandbox, "r", &["rev-parse", "main"]);
    let before = state(&sandbox);
    for reference in ["main", "v1", "HEAD~1", "refs/heads/main", hash.trim()] {
        let told = differs(&sandbox, "r", &["diff", "--against", &format!("git:{reference}")]);
        assert!(
            told.contains("redis:8.0.6 -> docker.io/library/redis:8.0.7  # restart RCG642"),
            "{told}"
        );
        assert!(told.contains("[redis-cluster.yaml:7]"), "{told}");
    }
    let same = run(&sandbox, "r", &["diff", "--against", "git:HEAD"]);
    assert_eq!((same.code, same.stdout.as_str()), (Some(0), ""), "{same:?}");
    assert_eq!(state(&sandbox), before);
}

#[test]
fn a_path_in_a_commit() {
    let sandbox = repository();
    for against in ["git:main:k8s", "git:main:./k8s", "git:main:redis-cluster.yaml"] {
        let told = differs(&sandbox, "r", &["diff", "--against", against]);
        assert!(
            told.contains("RCG642") && told.contains("1 to add, 9 to change, 1 to remove"),
            "{against}: {told}"
        );
    }
    let error = run(&sandbox, "r", &["diff", "--against", "git:main:nowhere"]).refused();
    assert_eq!(error, "error: main has no manifests at nowhere\n");
}

#[test]
fn from_a_folder_below_and_from_outside() {
    let sandbox = repository();
    sandbox.write("r/docs/x", "");
    let below =
        differs(&sandbox, "r/docs", &["diff", "../redis-cluster.yaml", "--against", "git:main"]);
    assert!(below.contains("RCG642"), "{below}");
    let outside = differs(&sandbox, "", &["diff", "r/redis-cluster.yaml", "--against", "git:main"]);
    assert!(outside.contains("RCG642"), "{outside}");
}

#[test]
fn a_dirty_tree_is_left_alone() {
    let sandbox = repository();
    sandbox.write("r/redis-cluster.yaml", spec_with("stock", "bootstrap: {enabled: false}\n"));
    sandbox.write("r/k8s/v1_service_stock.yaml", "broken: [\n");
    sandbox.write("r/untracked.yaml", "a: b\n");
    git(&sandbox, "r", &["add", "untracked.yaml"]);
    let before = state(&sandbox);
    let told = differs(&sandbox, "r", &["diff", "--against", "git:HEAD", "--output-dir", "k8s"]);
    assert!(told.contains("- Job stock-bootstrap-"), "{told}");
    assert_eq!(state(&sandbox), before);
    assert_eq!(sandbox.read("r/k8s/v1_service_stock.yaml"), "broken: [\n");
}

#[test]
fn a_deleted_output_folder_is_found_in_the_commit() {
    let sandbox = repository();
    std::fs::remove_dir_all(sandbox.path("r/k8s")).expect("removed");
    let ran = run(&sandbox, "r", &["diff", "--against", "git:main"]);
    assert_eq!(ran.code, Some(1), "{ran:?}");
    assert!(ran.stdout.contains("RCG642") && ran.stdout.contains("1 to add"), "{ran:?}");
    assert_eq!(ran.stderr, "in main the output is in k8s\n");
}

#[test]
fn a_renamed_spec_and_folder_are_found_in_the_commit() {
    let sandbox = repository();
    sandbox.write("r/stock/prod.redis-cluster.yaml", sandbox.read("r/redis-cluster.yaml"));
    git(&sandbox, "r", &["rm", "--quiet", "-r", "redis-cluster.yaml", "k8s"]);
    run(&sandbox, "r", &["render", "stock", "--output-dir", "stock/manifests"]).told();
    commit(&sandbox, "r", "moved");
    let ran = run(&sandbox, "r", &["diff", "stock", "--against", "git:main"]);
    assert_eq!(ran.code, Some(1), "{ran:?}");
    assert!(ran.stdout.contains("redis:8.0.6 -> docker.io/library/redis:8.0.7"), "{ran:?}");
    assert_eq!(ran.stderr, "in main the output is in k8s\n");
}

#[test]
fn what_was_never_committed_is_new() {
    let sandbox = repository();
    sandbox.write("r/other/redis-cluster.yaml", spec("other"));
    let ran = run(&sandbox, "r", &["diff", "other", "--against", "git:main"]);
    assert_eq!(ran.code, Some(1), "{ran:?}");
    assert!(ran.stdout.contains("0 to change, 0 to remove"), "{ran:?}");
    assert_eq!(ran.stderr, "main has no output of other/redis-cluster.yaml\n");
}

#[test]
fn a_shallow_clone_says_what_to_fetch() {
    let sandbox = repository();
    let origin = format!("file://{}", sandbox.path("r").display());
    git(&sandbox, "", &["clone", "--quiet", "--depth=1", "--branch", "change", &origin, "s"]);
    let error = run(&sandbox, "s", &["diff", "--against", "git:main"]).refused();
    assert!(error.contains("this clone is shallow: git fetch --depth=1 origin main"), "{error}");
    git(&sandbox, "s", &["fetch", "--quiet", "--depth=1", "origin", "main"]);
    let told = differs(&sandbox, "s", &["diff", "--against", "git:FETCH_HEAD"]);
    assert!(told.contains("RCG642"), "{told}");
}

#[test]
fn a_remote_branch_is_named() {
    let sandbox = repository();
    let origin = sandbox.path("r");
    git(&sandbox, "", &["clone", "--quiet", origin.to_str().expect("UTF-8"), "c"]);
    let error = run(&sandbox, "c", &["diff", "--against", "git:main"]).refused();
    assert!(error.contains("did you mean git:origin/main?"), "{error}");
    assert!(differs(&sandbox, "c", &["diff", "--against", "git:origin/main"]).contains("RCG642"));
}

#[test]
fn a_submodule_is_a_repository_of_its_own() {
    let sandbox = repository();
    sandbox.write("p/README", "");
    git(&sandbox, "p", &["init", "--quiet"]);
    let inner = sandbox.path("r");
    git(&sandbox, "p", &["submodule", "--quiet", "add", inner.to_str().expect("UTF-8"), "sub"]);
    commit(&sandbox, "p", "one");
    // The spec lies in the submodule, so its commits are meant.
    let told = differs(&sandbox, "p", &["diff", "sub", "--against", "git:origin/main"]);
    assert!(told.contains("RCG642"), "{told}");
    // The parent has nothing but the submodule's commit.
    sandbox.write("p/redis-cluster.yaml", spec("stock"));
    let error =
        run(&sandbox, "p", &["diff", "redis-cluster.yaml", "--against", "git:HEAD:sub/k8s"])
            .refused();
    assert!(error.contains("sub is a submodule"), "{error}");
}

#[test]
fn what_is_no_reference_is_refused() {
    let sandbox = repository();
    for reference in ["nowhere", "--output=x", "main;ls", "main^{tree}", "-"] {
        let error =
            run(&sandbox, "r", &["diff", "--against", &format!("git:{reference}")]).refused();
        assert!(error.contains("there is no commit"), "{reference}: {error}");
    }
    assert!(run(&sandbox, "r", &["diff", "--against", "git:"]).refused().contains("git:main"));
    assert!(!Path::new(&sandbox.path("r/x")).exists());
    let bare = Sandbox::with(&[("redis-cluster.yaml", &spec("a"))]);
    let error = run(&bare, "", &["diff", "--against", "git:main"]).refused();
    assert!(error.contains("is in no Git working tree"), "{error}");
}

#[test]
fn check_lets_no_shard_go_that_was_not_emptied() {
    let sandbox = repository();
    let spec = |shards: &str| {
        let spec = spec("r");
        format!("{spec}  topology:\n    {shards}\n")
    };
    let render = || run(&sandbox, "r", &["render", "redis-cluster.yaml", "--output-dir", "k8s"]);
    sandbox.write("r/redis-cluster.yaml", spec("shards: 4"));
    render();
    commit(&sandbox, "r", "four shards");
    let check = |more: &[&str]| run(&sandbox, "r", &[&["check"], more].concat());
    let against = ["--against", "git:HEAD"];

    sandbox.write("r/redis-cluster.yaml", spec("shards: 3"));
    render();
    assert_eq!(check(&[]).code, Some(0), "it is current");
    let refused = check(&against);
    assert_eq!(refused.code, Some(1), "{refused:?}");
    assert!(refused.stdout.contains("RCG691"), "{refused:?}");
    assert!(refused.stdout.contains("spec.topology.retiring first"), "{refused:?}");

    sandbox.write("r/redis-cluster.yaml", spec("shards: 3\n    retiring:\n      shards: 1"));
    render();
    assert_eq!(check(&against).code, Some(0), "the first of two steps");
    let stricter = check(&[&against[..], &["--fail-on", "live"]].concat());
    assert_eq!(stricter.code, Some(1), "{stricter:?}");
}

/// The old output names the spec by a path at which it is no more.
#[test]
fn a_shard_that_goes_is_seen_where_the_spec_has_moved() {
    let sandbox = Sandbox::new();
    let spec = |shards: u32| format!("{}  topology:\n    shards: {shards}\n", spec("stock"));
    sandbox.write("r/redis-cluster.yaml", spec(4));
    git(&sandbox, "r", &["init", "--quiet"]);
    run(&sandbox, "r", &["render", "--output-dir", "k8s"]).told();
    commit(&sandbox, "r", "four shards");
    git(&sandbox, "r", &["rm", "--quiet", "redis-cluster.yaml"]);
    sandbox.write("r/prod/stock.redis-cluster.yaml", spec(3));
    for (folder, against) in [("r", "git:HEAD"), ("r", "k8s"), ("r/prod", "../k8s")] {
        let arguments = ["diff", "--against", against, "--fail-on", "data-risk"];
        let spec = sandbox.path("r/prod/stock.redis-cluster.yaml").display().to_string();
        let ran = run(&sandbox, folder, &[&arguments[..], &[&spec]].concat());
        assert_eq!(ran.code, Some(3), "{ran:?}");
        assert!(ran.stdout.contains("RCG691"), "{ran:?}");
        let ran = run(&sandbox, folder, &["plan", "--from", against, &spec]);
        assert!(ran.stdout.contains("Stage 1 of 2, retire"), "{ran:?}");
    }
    // Another cluster's output in the folder is not this one's.
    sandbox.write("r/prod/stock.redis-cluster.yaml", spec(3).replace("name: stock", "name: more"));
    let ran = run(&sandbox, "r", &["plan", "prod/stock.redis-cluster.yaml", "--from", "k8s"]);
    assert!(ran.stdout.contains("Stage 1 of 1, install"), "{ran:?}");
    assert_eq!(ran.stderr, "nothing in k8s belongs to prod/stock.redis-cluster.yaml\n");
}

/// The stages of a plan, committed beside the spec, are no old side.
#[test]
fn committed_stages_do_not_count() {
    let sandbox = Sandbox::new();
    let spec = |shards: u32| format!("{}  topology:\n    shards: {shards}\n", spec("r"));
    let render = || run(&sandbox, "r", &["render", "redis-cluster.yaml", "--output-dir", "k8s"]);
    sandbox.write("r/redis-cluster.yaml", spec(4));
    git(&sandbox, "r", &["init", "--quiet"]);
    render().told();
    commit(&sandbox, "r", "four shards");
    sandbox.write("r/redis-cluster.yaml", spec(3));
    run(&sandbox, "r", &["plan", "redis-cluster.yaml", "--output-dir", "stages"]);
    for stage in ["1-retire", "2-remove"] {
        let text = sandbox.read(&format!("r/stages/{stage}/redis-cluster.yaml"));
        sandbox.write("r/redis-cluster.yaml", text);
        render().told();
        for command in ["check", "diff"] {
            let arguments = [command, ".", "--against", "git:HEAD", "--fail-on", "data-risk"];
            let ran = run(&sandbox, "r", &arguments);
            assert!(!ran.stdout.contains("RCG691"), "{stage}: {ran:?}");
            assert_eq!(ran.code, Some(i32::from(command == "diff")), "{stage}: {ran:?}");
        }
        commit(&sandbox, "r", stage);
    }
}

#[test]
fn one_file_and_where_it_moved_to() {
    let sandbox = Sandbox::with(&[("r/redis-cluster.yaml", &spec("stock"))]);
    git(&sandbox, "r", &["init", "--quiet"]);
    sandbox.write("r/k8s/redis.yaml", run(&sandbox, "r", &["render"]).ok());
    commit(&sandbox, "r", "one");
    run(&sandbox, "r", &["diff", "--against", "git:HEAD"]).told();
    sandbox.write("r/redis-cluster.yaml", spec("stock").replace("8.0.6", "8.0.7"));
    for (folder, file) in [("r", "k8s/redis.yaml"), ("r", "new.yaml"), ("r/k8s", "")] {
        if !file.is_empty() {
            std::fs::remove_file(sandbox.path("r/k8s/redis.yaml")).ok();
            sandbox.write(&format!("r/{file}"), run(&sandbox, "r", &["render"]).ok());
        }
        let spec = if folder == "r" { "redis-cluster.yaml" } else { "../redis-cluster.yaml" };
        let told = differs(&sandbox, folder, &["diff", spec, "--against", "git:main"]);
        assert!(told.contains("8.0.6") && !told.contains("+ StatefulSet"), "{file}: {told}");
    }
}

/// What the other side has and this one never had is not removed by it.
#[test]
fn specs_that_are_gone_and_specs_that_are_new_there() {
    let sandbox = Sandbox::with(&[("r/a.yaml", &spec("a")), ("r/b.yaml", &spec("b"))]);
    let render = |specs: &[&str]| {
        run(&sandbox, "r", &[&["render", "--output-dir", "k8s"], specs].concat()).told();
    };
    git(&sandbox, "r", &["init", "--quiet"]);
    render(&["a.yaml", "b.yaml"]);
    commit(&sandbox, "r", "one");
    git(&sandbox, "r", &["branch", "behind"]);
    sandbox.write("r/c.yaml", spec("c"));
    render(&["c.yaml"]);
    commit(&sandbox, "r", "two");
    git(&sandbox, "r", &["switch", "--quiet", "behind"]);
    run(&sandbox, "r", &["diff", "a.yaml", "--against", "git:main"]).told();
    git(&sandbox, "r", &["mv", "k8s", "deploy"]);
    run(&sandbox, "r", &["diff", "a.yaml", "--against", "git:main"]).told();
    git(&sandbox, "r", &["rm", "--quiet", "b.yaml"]);
    let ran =
        run(&sandbox, "r", &["diff", "a.yaml", "--against", "git:main", "--fail-on", "data-risk"]);
    assert_eq!(ran.code, Some(3), "{ran:?}");
    assert!(
        ran.stdout.contains("- StatefulSet b-shard-0") && !ran.stdout.contains("c-shard"),
        "{ran:?}"
    );
}
