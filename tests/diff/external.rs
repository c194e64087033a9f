//! What other programs do with us and to our output: `kubectl diff`, kustomize, pre-commit.

use std::{path::Path, process::Command};

use crate::{
    common::{specs, tools},
    sandbox::{BINARY, Ran, Sandbox, spec},
};

/// The folders that `kubectl diff` gives to KUBECTL_EXTERNAL_DIFF, with its names and a server's noise.
#[test]
fn the_folders_of_kubectl_diff() {
    let sandbox = Sandbox::new();
    let live = "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: x.yaml\n  namespace: shop\n  uid: a\n  generation: 1\n  resourceVersion: '1'\ndata:\n  live.conf: |\n    maxclients 1\n";
    sandbox.write("LIVE-123/v1.ConfigMap.shop.x.yaml", live);
    sandbox.write("LIVE-123/v1.ConfigMap.shop.other", live.replace("x.yaml", "other"));
    let merged =
        live.replace("generation: 1", "generation: 2").replace("maxclients 1", "maxclients 2");
    sandbox.write("MERGED-456/v1.ConfigMap.shop.x.yaml", &merged);
    sandbox.write(
        "MERGED-456/v1.ConfigMap.shop.other",
        live.replace("x.yaml", "other").replace("generation: 1", "generation: 2"),
    );
    let ran = sandbox.run(&["diff", "LIVE-123", "MERGED-456"]);
    assert_eq!(ran.code, Some(1), "{ran:?}");
    assert!(ran.stdout.starts_with("~ ConfigMap shop/x.yaml\n"), "{ran:?}");
    assert!(ran.stdout.contains("Plan: 0 to add, 1 to change, 0 to remove."), "{ran:?}");
    assert!(!ran.stdout.contains("generation"), "{ran:?}");
}

/// kustomize, alone or in kubectl; `tests/diff/install` sees to it that there is one.
fn kustomize(folder: &Path) -> String {
    let ways: [(&str, &[&str]); 2] = [("kustomize", &["build"]), ("kubectl", &["kustomize"])];
    for (program, arguments) in ways {
        let mut command = Command::new(program);
        if let Ok(output) = command.args(arguments).arg(folder).output() {
            assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
            return String::from_utf8(output.stdout).expect("UTF-8");
        }
    }
    panic!("neither kustomize nor kubectl is on the PATH: run `make tools`");
}

/// 300 random specs, 30 at a time, since kustomize takes longer to start than to work.
#[test]
fn kustomize_changes_nothing() {
    let sandbox = Sandbox::in_memory();
    for group in 0..10 {
        let seeds: Vec<u64> = (group * 30..group * 30 + 30).collect();
        let folder = format!("g{group}");
        for seed in &seeds {
            sandbox.write(&format!("{folder}/{seed}.redis-cluster.yaml"), specs::text(*seed));
        }
        let manifests = format!("{folder}/k8s");
        sandbox.run(&["render", &folder, "--output-dir", &manifests, "--kustomization", "-q"]).ok();
        let rewritten = kustomize(&sandbox.path(&manifests));
        let ours = sandbox.run(&["render", &folder, "-q"]).ok();
        assert_ne!(rewritten, ours);
        let against = format!("{folder}/rewritten");
        sandbox.write(&against, rewritten);
        let ran = sandbox.run(&["diff", "-q", &folder, "--against", &against]);
        assert_eq!((ran.code, ran.stdout.as_str()), (Some(0), ""), "{group}: {ran:?}");
    }
}

/// pre-commit itself, with our own hooks, in a repository of its own.
#[test]
fn pre_commit_runs_the_hooks() {
    let sandbox = Sandbox::with(&[("redis-cluster.yaml", &spec("stock"))]);
    let hooks = std::fs::read_to_string(".pre-commit-hooks.yaml").expect("the hooks");
    sandbox.write("hooks/.pre-commit-hooks.yaml", hooks);
    let bin = Path::new(BINARY).parent().expect("a folder");
    let path = format!("{}:{}", bin.display(), std::env::var("PATH").unwrap_or_default());
    let run = |folder: &str, program: &Path, arguments: &[&str]| {
        let mut command = Command::new(program);
        command
            .current_dir(sandbox.path(folder))
            .env("PATH", &path)
            .env("PRE_COMMIT_HOME", sandbox.path("home"))
            .env("GIT_CONFIG_GLOBAL", "/dev/null")
            .env("GIT_CONFIG_NOSYSTEM", "1");
        for (key, value) in [("NAME", "t"), ("EMAIL", "t@example.com")] {
            command
                .env(format!("GIT_AUTHOR_{key}"), value)
                .env(format!("GIT_COMMITTER_{key}"), value);
        }
        Ran::new(&mut command, arguments)
    };
    let git = |folder: &str, arguments: &[&str]| {
        let ran = run(folder, Path::new("git"), arguments);
        assert_eq!(ran.code, Some(0), "{arguments:?}: {ran:?}");
        ran.stdout
    };
    for folder in ["hooks", ""] {
        git(folder, &["init", "--quiet"]);
    }
    git("hooks", &["add", "."]);
    git("hooks", &["commit", "--quiet", "--message", "hooks"]);
    let revision = git("hooks", &["rev-parse", "HEAD"]);
    sandbox.write(
        ".pre-commit-config.yaml",
        format!(
            "repos:\n- repo: {}\n  rev: {}\n  hooks:\n  - id: redis-cluster-gen-validate-system\n  - id: redis-cluster-gen-check-system\n  - id: redis-cluster-gen-render-system\n    stages: [manual]\n",
            sandbox.path("hooks").display(),
            revision.trim()
        ),
    );
    sandbox.write(".gitignore", "hooks/\nhome/\n");
    sandbox.run(&["render", "--output-dir", "manifests"]).told();
    git("", &["add", "."]);
    let pre_commit = tools::program("bin/pre-commit");
    let hook =
        |arguments: &[&str]| run("", &pre_commit, &[&["run", "--all-files"], arguments].concat());

    let passes = hook(&[]);
    assert_eq!(passes.code, Some(0), "{passes:?}");
    assert_eq!(passes.stdout.matches("Passed").count(), 2, "{passes:?}");

    sandbox.write("redis-cluster.yaml", spec("stock").replace("8.0.6", "8.0.7"));
    git("", &["add", "."]);
    let fails = hook(&[]);
    assert_eq!(fails.code, Some(1), "{fails:?}");
    assert!(fails.stdout.contains("changed    manifests/v1_service_stock.yaml"), "{fails:?}");
    assert!(
        fails.stdout.contains("run: redis-cluster-gen render --output-dir manifests"),
        "{fails:?}"
    );

    let repairs = hook(&["--hook-stage", "manual", "redis-cluster-gen-render-system"]);
    assert_eq!(repairs.code, Some(1), "{repairs:?}");
    assert!(repairs.stdout.contains("files were modified by this hook"), "{repairs:?}");
    git("", &["add", "."]);
    assert_eq!(hook(&["--hook-stage", "manual", "redis-cluster-gen-render-system"]).code, Some(0));
    assert_eq!(hook(&[]).code, Some(0));

    sandbox.write("redis-cluster.yaml", spec("stock").replace("size", "siez"));
    git("", &["add", "."]);
    let wrong = hook(&["redis-cluster-gen-validate-system"]);
    assert_eq!(wrong.code, Some(1), "{wrong:?}");
    assert!(wrong.stdout.contains("did you mean `size`?"), "{wrong:?}");
}
