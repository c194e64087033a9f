//! One container: a process tree in namespaces of its own, with the file system and the user that the
//! pod says, made by `bwrap`; and commands run inside it as a kubelet runs probes.
//!
//! It works alike for root and in a user namespace: the pod's user is always mapped onto whoever runs
//! the lab, without capabilities and with no way to new privileges.

use std::{
    collections::BTreeMap,
    fs::{self, File},
    io::{Read, Seek},
    os::unix::process::{CommandExt, ExitStatusExt},
    path::{Path, PathBuf},
    process::{Child, Stdio},
    sync::{Mutex, PoisonError},
    thread,
    time::{Duration, Instant},
};

use rustix::process::{Pid, Signal, kill_process, kill_process_group};

use crate::{
    image::Image,
    tools::{Result, TICK, command, ensure, wait_for},
};

/// A folder or file of the host at a path of the container.
#[derive(Debug, Clone)]
pub struct Bind {
    /// On the host.
    pub source: PathBuf,
    /// In the container.
    pub target: String,
    /// Whether writing is refused.
    pub read_only: bool,
}

/// What a container is started with.
pub struct Start<'a> {
    /// Its file system and programs.
    pub image: &'a Image,
    /// Its network namespace.
    pub net: &'a str,
    /// Its host name.
    pub host_name: &'a str,
    /// Its user.
    pub user: u32,
    /// Its group.
    pub group: u32,
    /// Whether everything but the binds is read-only.
    pub read_only_root: bool,
    /// What is mounted into it, in order.
    pub binds: Vec<Bind>,
    /// Its whole environment.
    pub environment: BTreeMap<String, String>,
    /// Program and arguments.
    pub arguments: Vec<String>,
    /// Where its stdout and stderr go.
    pub log: &'a Path,
    /// A folder for the start's own notes.
    pub notes: &'a Path,
}

/// A running container.
pub struct Container {
    /// `bwrap`, which ends with the container's exit code.
    monitor: Mutex<Child>,
    /// The container's PID 1, seen from here.
    init: Pid,
    environment: BTreeMap<String, String>,
}

/// What a command in a container came to.
#[derive(Debug)]
pub struct Executed {
    /// Its exit code; none when time was up.
    pub code: Option<i32>,
    /// Its stdout and stderr.
    pub output: String,
}

impl Container {
    /// Starts a container and returns as soon as its first process runs.
    pub fn start(start: Start<'_>) -> Result<Container> {
        let info = start.notes.join("info");
        let log = File::options().create(true).append(true).open(start.log)?;
        let mut command = command("nsenter");
        command.arg(format!("--net=/run/netns/{}", start.net));
        // bwrap writes the first process' id to a descriptor, which only a shell can hand it.
        command.args(["sh", "-c", "exec \"$@\" 3>\"$0\""]).arg(&info);
        command.args(["bwrap", "--json-status-fd", "3"]);
        command.args(["--unshare-user", "--uid", &start.user.to_string()]);
        command.args(["--gid", &start.group.to_string()]);
        command.args(["--unshare-pid", "--as-pid-1", "--unshare-ipc", "--unshare-uts"]);
        command.args(["--hostname", start.host_name]);
        for (source, target) in &start.image.binds {
            command.arg("--ro-bind").arg(source).arg(target);
        }
        for (target, link) in &start.image.links {
            command.args(["--symlink", target, link]);
        }
        command.args(["--proc", "/proc", "--dev", "/dev"]);
        for Bind { source, target, read_only } in &start.binds {
            command.arg(if *read_only { "--ro-bind" } else { "--bind" });
            command.arg(source).arg(target);
        }
        if start.read_only_root {
            command.args(["--remount-ro", "/"]);
        }
        // The official images start in /data.
        let data = start.binds.iter().any(|bind| bind.target == "/data");
        command.args(["--chdir", if data { "/data" } else { "/" }, "--clearenv"]);
        for (name, value) in &start.environment {
            command.args(["--setenv", name, value]);
        }
        command.arg("--").args(&start.arguments);
        command.stdin(Stdio::null()).stdout(log.try_clone()?).stderr(log);
        let mut monitor = command.spawn()?;
        let found = wait_for("the container starts", Duration::from_secs(20), || {
            let ended = monitor.try_wait()?;
            let text = fs::read_to_string(&info)?;
            let id = text
                .split("\"child-pid\": ")
                .nth(1)
                .and_then(|rest| rest.split([',', ' ']).next())
                .and_then(|id| id.parse().ok())
                .and_then(Pid::from_raw)
                .ok_or("no process id yet");
            if let Some(status) = ended {
                // It may have been that quick, unless bwrap complains.
                let log = fs::read_to_string(start.log)?;
                let last = log.lines().last().unwrap_or_default();
                return Ok(match id {
                    Ok(id) if !last.starts_with("bwrap: ") => Ok(id),
                    _ => Err(format!("the container could not start: {status} {last}")),
                });
            }
            let id = id?;
            // Until it is the pod's program, its file system is not complete.
            let program = fs::read_link(format!("/proc/{}/exe", id.as_raw_nonzero()))?;
            ensure!(!program.ends_with("bwrap"), "not yet in its own file system");
            Ok(Ok(id))
        });
        match found {
            Ok(Ok(init)) => {
                Ok(Container { monitor: Mutex::new(monitor), init, environment: start.environment })
            }
            Ok(Err(reason)) => Err(reason.into()),
            Err(reason) => {
                let _ = monitor.kill();
                Err(reason)
            }
        }
    }

    /// Its exit code once it has ended, as a container runtime gives it (128 + signal).
    pub fn exit_code(&self) -> Result<Option<i32>> {
        let status = self.monitor.lock().unwrap_or_else(PoisonError::into_inner).try_wait()?;
        Ok(status.map(|status| status.code().unwrap_or_else(|| 128 + status.signal().unwrap_or(0))))
    }

    /// Sends a signal to its first process. The kernel keeps TERM from a first process that has no
    /// handler for it, as it does in a real container.
    pub fn signal(&self, signal: Signal) {
        // Its id may belong to another process once it has ended.
        if matches!(self.exit_code(), Ok(None)) {
            let _ = kill_process(self.init, signal);
        }
    }

    /// Sends a signal to each of its processes.
    pub fn signal_all(&self, signal: Signal) -> Result<()> {
        for process in self.processes()? {
            let _ = kill_process(process, signal);
        }
        Ok(())
    }

    /// All its processes: those in the process id namespace of the first one.
    pub fn processes(&self) -> Result<Vec<Pid>> {
        let namespace = |pid: &str| fs::read_link(format!("/proc/{pid}/ns/pid"));
        let own = namespace(&self.init.as_raw_nonzero().to_string())?;
        let mut processes = Vec::new();
        for entry in fs::read_dir("/proc")? {
            let name = entry?.file_name();
            let Some(name) = name.to_str() else { continue };
            let Some(pid) = name.parse().ok().and_then(Pid::from_raw) else { continue };
            if namespace(name).is_ok_and(|namespace| namespace == own) {
                processes.push(pid);
            }
        }
        Ok(processes)
    }

    /// CPU time of each process with its name, its ended children included.
    pub fn cpu(&self) -> Result<Vec<(String, Duration)>> {
        self.processes()?
            .into_iter()
            .map(|pid| {
                let stat = fs::read_to_string(format!("/proc/{}/stat", pid.as_raw_nonzero()))?;
                Ok((command_name(&stat), cpu_time(&stat)?))
            })
            .collect()
    }

    /// Runs a command inside, as `kubectl exec` and probes do; it is killed when time is up.
    pub fn exec(&self, arguments: &[String], limit: Duration) -> Result<Executed> {
        let (code, output) = self.run(arguments, limit)?;
        let mut bytes = Vec::new();
        output.take(64 * 1024).read_to_end(&mut bytes)?;
        Ok(Executed { code, output: String::from_utf8_lossy(&bytes).trim_end().to_owned() })
    }

    /// The same with every byte of what it says.
    pub fn exec_whole(
        &self,
        arguments: &[String],
        limit: Duration,
    ) -> Result<(Option<i32>, Vec<u8>)> {
        let (code, mut output) = self.run(arguments, limit)?;
        let mut bytes = Vec::new();
        output.read_to_end(&mut bytes)?;
        Ok((code, bytes))
    }

    fn run(&self, arguments: &[String], limit: Duration) -> Result<(Option<i32>, fs::File)> {
        let mut output = tempfile::tempfile()?;
        let target = self.init.as_raw_nonzero().to_string();
        let mut command = command("setpriv");
        let tools = crate::tools::path();
        command.env_clear().envs(&self.environment);
        // Programs are found with the lab's path, then looked up again with the container's.
        command.arg("--no-new-privs").arg(find("nsenter", &tools)?).args(["--target", &target]);
        command.args(["--user", "--mount", "--pid", "--net", "--uts", "--ipc"]);
        command.args(["--preserve-credentials", "--"]).args(arguments);
        command.stdin(Stdio::null()).stdout(output.try_clone()?).stderr(output.try_clone()?);
        command.process_group(0);
        let start = Instant::now();
        let mut child = command.spawn()?;
        let code = loop {
            if let Some(status) = child.try_wait()? {
                break Some(status.code().unwrap_or_else(|| 128 + status.signal().unwrap_or(0)));
            }
            if start.elapsed() >= limit {
                if let Some(group) = Pid::from_raw(child.id().try_into()?) {
                    let _ = kill_process_group(group, Signal::KILL);
                }
                child.wait()?;
                break None;
            }
            thread::sleep(TICK / 5);
        };
        output.rewind()?;
        Ok((code, output))
    }
}

impl Drop for Container {
    fn drop(&mut self) {
        self.signal(Signal::KILL);
        let _ = self.monitor.lock().unwrap_or_else(PoisonError::into_inner).wait();
    }
}

fn find(program: &str, path: &str) -> Result<PathBuf> {
    path.split(':')
        .map(|dir| Path::new(dir).join(program))
        .find(|file| file.exists())
        .ok_or_else(|| format!("{program} is not installed").into())
}

/// The name in a line of /proc/PID/stat (proc(5)).
fn command_name(stat: &str) -> String {
    let name = stat.split_once('(').and_then(|(_, rest)| rest.rsplit_once(')'));
    name.map(|(name, _)| name.to_owned()).unwrap_or_default()
}

/// Own and waited-for children's CPU time in a line of /proc/PID/stat (fields 14 to 17).
fn cpu_time(stat: &str) -> Result<Duration> {
    let (_, fields) = stat.rsplit_once(')').ok_or("no name in /proc/PID/stat")?;
    let ticks = fields
        .split_whitespace()
        .skip(11)
        .take(4)
        .map(str::parse::<u64>)
        .sum::<std::result::Result<u64, _>>()?;
    // USER_HZ is 100 on every Linux that Rust runs on.
    Ok(Duration::from_millis(ticks * 10))
}

/// CPU time of everything that a process has started and waited for, from its line of /proc/PID/stat.
pub fn cpu_of_children(stat: &str) -> Result<Duration> {
    let (_, fields) = stat.rsplit_once(')').ok_or("no name in /proc/PID/stat")?;
    let ticks = fields
        .split_whitespace()
        .skip(13)
        .take(2)
        .map(str::parse::<u64>)
        .sum::<std::result::Result<u64, _>>()?;
    Ok(Duration::from_millis(ticks * 10))
}
