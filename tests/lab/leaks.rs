//! Looks for passwords where none should be seen: in command lines, in environments, in logs and in everything else that is written down.

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::Duration,
};

use crate::{
    tools::{Result, ensure},
    world::World,
};

/// How often all processes are looked at. Most of them live for some milliseconds, but they come again.
const PERIOD: Duration = Duration::from_millis(500);

const ENVIRONMENT: &str = "the environment of";

/// Watches the processes of a scenario for as long as it runs.
pub struct Watch {
    world: Arc<World>,
    over: Arc<AtomicBool>,
    worker: thread::JoinHandle<BTreeSet<String>>,
}

impl Watch {
    /// Begins to look.
    pub fn start(world: &Arc<World>) -> Watch {
        let (world, over) = (Arc::clone(world), Arc::new(AtomicBool::new(false)));
        let worker =
            {
                let (world, over) = (Arc::clone(&world), Arc::clone(&over));
                thread::spawn(move || {
                    let mut found = BTreeSet::new();
                    while !over.load(Ordering::Relaxed) {
                        thread::sleep(PERIOD);
                        let passwords = world.passwords();
                        found.extend(processes().into_iter().filter_map(|(place, bytes)| {
                            has_any(&bytes, &passwords).then_some(place)
                        }));
                    }
                    found
                })
            };
        Watch { world, over, worker }
    }

    /// Ends, reads all files below a folder, and fails if there was a password anywhere; in an environment it may have been where scripts ran
    /// that are older than this watch.
    pub fn end(self, folder: &Path, with_older_scripts: bool) -> Result<()> {
        self.over.store(true, Ordering::Relaxed);
        let mut found = self.worker.join().map_err(|_| "the watch panicked")?;
        found.retain(|place| !with_older_scripts || !place.starts_with(ENVIRONMENT));
        let passwords = self.world.passwords();
        for file in files(folder)? {
            if has_any(&fs::read(&file)?, &passwords) {
                found.insert(file.strip_prefix(folder)?.display().to_string());
            }
        }
        ensure!(found.is_empty(), "a password can be read in {found:?}");
        Ok(())
    }
}

/// The command line of each process, and its environment unless it is the engine's client, which is handed its password there.
fn processes() -> Vec<(String, Vec<u8>)> {
    let mut all = Vec::new();
    for entry in fs::read_dir("/proc").into_iter().flatten().flatten() {
        let path = entry.path();
        // A process may end at any moment.
        let Ok(words) = fs::read(path.join("cmdline")) else { continue };
        let environment = fs::read(path.join("environ")).unwrap_or_default();
        let name = fs::read_to_string(path.join("comm")).unwrap_or_default();
        let line = String::from_utf8_lossy(&words).replace('\0', " ");
        // It may have become another program since.
        let same = fs::read(path.join("cmdline")).is_ok_and(|now| now == words);
        if same && !name.trim().ends_with("-cli") {
            all.push((format!("{ENVIRONMENT} {name:?}: {}", beginning(&line)), environment));
        }
        all.push((format!("the command line of {name:?}"), words));
    }
    all
}

/// The beginning of a command line: whole programs of awk can stand in one.
fn beginning(line: &str) -> String {
    let first = line.lines().next().unwrap_or_default();
    first.chars().take(60).collect()
}

fn has_any(bytes: &[u8], passwords: &BTreeSet<String>) -> bool {
    let text = String::from_utf8_lossy(bytes);
    passwords.iter().any(|password| text.contains(password.as_str()))
}

/// All files below a folder, but for what is not a file's text: sockets, links.
fn files(folder: &Path) -> Result<Vec<PathBuf>> {
    let mut all = Vec::new();
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let kind = entry.file_type()?;
        if kind.is_dir() {
            all.extend(files(&entry.path())?);
        } else if kind.is_file() {
            all.push(entry.path());
        }
    }
    Ok(all)
}
