//! A shell in which `kubectl` talks to the lab, so that what a plan prints can be run as it stands.
//!
//! `kubectl` is a script that puts its words into a folder and waits for the answer. Only what plans print is known; the rest is refused.

use std::{
    collections::BTreeMap,
    fs,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    process::Command,
    sync::Arc,
    thread,
    time::Duration,
};

use k8s_openapi::ByteString;
use serde_json::Value;

use crate::{
    lab::PASSWORD,
    objects::{Files, Objects},
    tools::{Result, TICK, bail, ensure, path},
    world::World,
};

const KUBECTL: &str = r#"#!/bin/sh
call=$(mktemp -d "$LAB_CALLS/XXXXXX")
for word; do printf '%s\0' "$word"; done >"$call/words"
mv "$call" "$call.call"
until [ -e "$call.call/code" ]; do /bin/sleep 0.05; done
cat "$call.call/output"
code=$(cat "$call.call/code")
# An answer may be a password.
rm -r "$call.call"
exit "$code"
"#;

/// Nobody commits anything in the lab.
const GIT: &str = "#!/bin/sh\n";

/// What plans wait for comes sooner here than in a real cluster.
const SLEEP: &str = "#!/bin/sh\nexec /bin/sleep 0.3\n";

/// Longer than anything takes here; commands of plans have limits of their own.
const LIMIT: Duration = Duration::from_secs(120);

/// The shell.
pub struct Shell {
    world: Arc<World>,
    /// Where it works: specs and manifests are here.
    pub folder: PathBuf,
    path: String,
}

impl Shell {
    /// A shell in a folder of its own; programs of another folder are found, too.
    pub fn start(world: &Arc<World>, folder: &Path, programs: &Path) -> Result<Shell> {
        let bin = folder.join("bin");
        fs::create_dir_all(&bin)?;
        fs::create_dir_all(folder.join("calls"))?;
        for (name, text) in [("kubectl", KUBECTL), ("git", GIT), ("sleep", SLEEP)] {
            let file = bin.join(name);
            fs::write(&file, text)?;
            fs::set_permissions(&file, fs::Permissions::from_mode(0o755))?;
        }
        let path = format!("{}:{}:{}", bin.display(), programs.display(), path());
        let shell = Shell { world: Arc::clone(world), folder: folder.to_owned(), path };
        let (world, calls) = (Arc::clone(world), folder.join("calls"));
        thread::spawn(move || {
            loop {
                if let Err(error) = answer_all(&world, &calls) {
                    world.say(&format!("kubectl: {error}"));
                }
                thread::sleep(TICK);
            }
        });
        Ok(shell)
    }

    /// Runs a command line, and fails when it does; returns what it printed.
    pub fn run(&self, line: &str) -> Result<String> {
        let (code, output) = self.run_anyhow(line)?;
        ensure!(code == Some(0), "{line}: {code:?}\n{output}");
        Ok(output)
    }

    /// Runs a command line, whatever comes of it.
    pub fn run_anyhow(&self, line: &str) -> Result<(Option<i32>, String)> {
        self.world.say(&format!("$ {line}"));
        let output = Command::new("sh")
            .args(["-c", line])
            .current_dir(&self.folder)
            .env("PATH", &self.path)
            .env("HOME", &self.folder)
            .env("LAB_CALLS", self.folder.join("calls"))
            .output()?;
        let told = String::from_utf8_lossy(&output.stdout).into_owned()
            + &String::from_utf8_lossy(&output.stderr);
        Ok((output.status.code(), told))
    }
}

/// Begins to answer every call that nobody has begun to answer.
fn answer_all(world: &Arc<World>, calls: &Path) -> Result<()> {
    for entry in fs::read_dir(calls)? {
        let call = entry?.path();
        let begun = call.join("begun");
        if call.extension().is_none_or(|extension| extension != "call") || begun.exists() {
            continue;
        }
        fs::write(begun, "")?;
        let world = Arc::clone(world);
        thread::spawn(move || {
            // Who waits for an answer waits in vain otherwise.
            if let Err(error) = answer(&world, &call) {
                world.say(&format!("kubectl: {error}"));
            }
        });
    }
    Ok(())
}

fn answer(world: &Arc<World>, call: &Path) -> Result<()> {
    let words = fs::read_to_string(call.join("words"))?;
    let words: Vec<_> = words.split_terminator('\0').collect();
    let cwd = call.parent().and_then(Path::parent).ok_or("no folder")?;
    let answer = match &words[..] {
        ["exec", pod, "-c", container, "--", command @ ..] => exec(world, pod, container, command),
        words => kubectl(world, cwd, words).map(|(code, text)| (code, text.into_bytes())),
    };
    let (code, output) = match answer {
        Ok(answer) => answer,
        Err(error) => (1, format!("error: {error}\n").into_bytes()),
    };
    fs::write(call.join("output"), output)?;
    fs::write(call.join("code.new"), code.to_string())?;
    fs::rename(call.join("code.new"), call.join("code"))?;
    Ok(())
}

fn option<'a>(words: &[&'a str], name: &str) -> Option<&'a str> {
    words.iter().find_map(|word| word.strip_prefix(name)?.strip_prefix('='))
}

/// What a command says may be a file, so every byte counts.
fn exec(world: &World, pod: &str, container: &str, command: &[&str]) -> Result<(i32, Vec<u8>)> {
    let arguments: Vec<_> = command.iter().map(|&word| word.to_owned()).collect();
    let container = world.pod(pod)?.container_called(container)?;
    let (code, output) = container.exec_whole(&arguments, Duration::from_secs(30))?;
    Ok((code.unwrap_or(124), output))
}

fn kubectl(world: &Arc<World>, cwd: &Path, words: &[&str]) -> Result<(i32, String)> {
    let done = |text: &str| Ok((0, format!("{text}\n")));
    match words {
        ["config", "current-context"] => done("lab"),
        ["config", "get-contexts", context] => done(context),
        ["apply", "-f", folder] => {
            let mut text = String::new();
            let mut files: Vec<_> =
                fs::read_dir(cwd.join(folder))?.filter_map(|e| Some(e.ok()?.path())).collect();
            files.sort();
            // Each begins with a line of its own between documents.
            for file in files {
                text += &fs::read_to_string(file)?;
            }
            world.apply(&Objects::read(&text)?)?;
            done("applied")
        }
        ["get", "statefulset", names @ .., "--ignore-not-found"] => {
            let sets = world.fields_of_sets("", "/metadata/name")?;
            let there = names.iter().filter(|name| sets.iter().any(|set| set == *name));
            Ok((0, there.map(|name| format!("{name}\n")).collect()))
        }
        ["get", "job", job, "-o", "jsonpath={.status.conditions[*].type}"] => {
            if world.job_done(job).is_ok() {
                Ok((0, "SuccessCriteriaMet Complete".to_owned()))
            } else if world.job_failed(job).is_ok() {
                Ok((0, "FailureTarget Failed".to_owned()))
            } else {
                Ok((0, String::new()))
            }
        }
        ["get", "secret", name, "-o", form] => {
            let secret = world.secret(name).ok_or("Error from server (NotFound)")?;
            if *form == "jsonpath={.data}" {
                let data: BTreeMap<_, _> =
                    secret.iter().map(|(key, bytes)| (key, ByteString(bytes.clone()))).collect();
                return Ok((0, serde_json::to_string(&data)?));
            }
            let Some(template) = form.strip_prefix("go-template={{ index .data \"") else {
                return done(&format!("secret/{name}"));
            };
            let key = template.strip_suffix("\" | base64decode }}").ok_or("no such template")?;
            let bytes = secret.get(key).ok_or("no such key")?;
            Ok((0, String::from_utf8_lossy(bytes).into_owned()))
        }
        ["patch", "secret", name, "--type", "merge", "--patch-file", file] => {
            let patch: Value = serde_json::from_str(&fs::read_to_string(file)?)?;
            let mut secret = world.secret(name).ok_or("Error from server (NotFound)")?;
            for (key, value) in patch["data"].as_object().into_iter().flatten() {
                let bytes: ByteString = serde_json::from_value(value.clone())?;
                secret.insert(key.clone(), bytes.0);
            }
            world.put_secret(name, &secret)?;
            done("patched")
        }
        ["wait", "statefulset", "-l", _, condition, ..]
            if condition.contains("{.status.readyReplicas}")
                || condition.contains("{.status.updatedReplicas}") =>
        {
            world.wait("all pods are rolled out", 3 * LIMIT, || world.rolled_out())?;
            done("condition met")
        }
        ["wait", "statefulset", "-l", selector, condition, ..] => {
            let condition = condition.strip_prefix("--for=jsonpath={").ok_or("no JSONPath")?;
            let (path, wanted) = condition.split_once("}=").ok_or("no value")?;
            let pointer = pointer(path);
            world.wait("the StatefulSets have the new template", LIMIT, || {
                let is = world.fields_of_sets(selector, &pointer)?;
                ensure!(!is.is_empty(), "no matching resources found");
                ensure!(is.iter().all(|is| is == wanted), "not yet: {is:?}");
                Ok(())
            })?;
            done("condition met")
        }
        ["wait", "pod", "-l", selector, "--for=condition=Ready", ..] => {
            world.wait(&format!("pods with {selector} are ready"), LIMIT, || {
                let pods = world.pods_with(selector);
                ensure!(!pods.is_empty(), "no matching resources found");
                for pod in pods {
                    ensure!(pod.ready(), "{} is not ready", pod.name());
                }
                Ok(())
            })?;
            done("condition met")
        }
        ["get", "pvc", claims @ .., "--ignore-not-found"] => {
            let there = claims.iter().filter(|claim| world.volume(claim).is_ok());
            Ok((0, there.map(|claim| format!("{claim}\n")).collect()))
        }
        ["wait", "pvc", claim, ..] => {
            let size = option(words, "--for").and_then(|what| what.split_once('}'));
            let size = size.and_then(|(_, size)| size.strip_prefix('=')).ok_or("no size")?;
            let is = world.claim_size(claim);
            ensure!(is.as_deref() == Some(size), "{claim} has {is:?}, not {size}");
            done("condition met")
        }
        ["wait", pods @ .., "--for=delete", _] => {
            for pod in pods {
                let name = pod.strip_prefix("pod/").ok_or("no pod")?;
                world.wait(&format!("{name} is gone"), LIMIT, || {
                    ensure!(world.pod(name).is_err(), "it is there");
                    Ok(())
                })?;
            }
            done("deleted")
        }
        ["rollout", "status", "statefulset", "-l", _, ..] => {
            world.wait("all pods are rolled out", 3 * LIMIT, || world.rolled_out())?;
            done("rolled out")
        }
        ["delete", "pod", "-l", selector] => {
            let pods = world.pods_with(selector);
            for pod in &pods {
                pod.delete(None);
            }
            world.wait("the deleted pods are gone", LIMIT, || {
                ensure!(pods.iter().all(|pod| pod.gone()), "some still run");
                Ok(())
            })?;
            done("deleted")
        }
        ["delete", "job", "-l", selector] => {
            for job in world.jobs_with(selector) {
                world.delete_job(&job)?;
            }
            done("deleted")
        }
        ["delete", "job", name, "--ignore-not-found"] => {
            world.delete_job(name)?;
            done("deleted")
        }
        ["delete", "service", name] => {
            world.delete_service(name)?;
            done("deleted")
        }
        ["delete", "statefulset", names @ .., how] => {
            for name in names {
                world.delete_set(name, *how == "--cascade=orphan")?;
            }
            done("deleted")
        }
        ["delete", "--ignore-not-found", objects @ ..] => {
            for object in objects {
                let (kind, name) = object.split_once('/').ok_or("no object")?;
                // What else goes has no effect on processes.
                if kind == "statefulset" {
                    world.delete_set(name, false)?;
                }
            }
            done("deleted")
        }
        ["patch", "pvc", claim, "--type", "merge", "-p", patch] => {
            let patch: Value = serde_json::from_str(patch)?;
            let size = patch.pointer("/spec/resources/requests/storage").and_then(Value::as_str);
            world.grow_claim(claim, size.ok_or("no size in the patch")?)?;
            done("patched")
        }
        ["describe", "nodes"] => done(
            "Name:  lab\nAllocated resources:\n  Resource  Requests  Limits\n  memory    1Gi (5%)  1Gi (5%)",
        ),
        ["get", "storageclass", ..] => done("NAME ALLOWVOLUMEEXPANSION\nstandard (default) true"),
        ["create", "secret", "generic", name, files @ ..]
            if files.iter().all(|file| file.starts_with("--from-file=")) =>
        {
            let read = |word: &&str| {
                let file = word.trim_start_matches("--from-file=");
                Ok((file.to_owned(), fs::read(cwd.join(file))?))
            };
            world.put_secret(name, &files.iter().map(read).collect::<Result<Files>>()?)?;
            done("created")
        }
        ["create", "secret", "generic", name, literal] => {
            let literal = literal.strip_prefix("--from-literal=").ok_or("no literal")?;
            let (key, _) = literal.split_once('=').ok_or("no value")?;
            // The lab's clients know only one password.
            world.put_secret(name, &Files::from([(key.to_owned(), PASSWORD.into())]))?;
            done("created")
        }
        _ => bail!("the lab's kubectl does not know {words:?}"),
    }
}

/// The JSON pointer of a JSONPath of names and numbers, such as `.a.b\.c/d[0]`.
fn pointer(path: &str) -> String {
    path.replace('~', "~0")
        .replace('/', "~1")
        .replace("\\.", "\0")
        .replace(['.', '['], "/")
        .replace(']', "")
        .replace('\0', ".")
}
