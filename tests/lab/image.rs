//! The container's file system: what the official images have, from the packages of the engine's suite.

use std::{
    fs,
    os::unix::fs::symlink,
    path::{Path, PathBuf},
    process::Command,
};

use crate::tools::{Result, bail, ensure};

/// An engine of the lab.
#[derive(Debug, Clone, serde::Serialize, serde::Deserialize)]
pub struct Image {
    /// Its name on the command line, such as `redis-7.0`.
    pub engine: String,
    /// `redis` or `valkey`.
    pub family: String,
    /// Its whole version.
    pub version: String,
    /// The root of its packages.
    root: PathBuf,
    /// Folders of the host and where they are in the container.
    pub binds: Vec<(PathBuf, String)>,
    /// Links of the root that are no folders: where they lead, and their path.
    pub links: Vec<(String, String)>,
    /// Which shell and tools it has.
    pub tools: Tools,
}

/// The tools beside the engine.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub enum Tools {
    /// dash, coreutils, mawk, sed, grep, as in images made from Debian.
    Debian,
    /// The same with bash as the shell.
    Bash,
    /// busybox, as in images made from Alpine.
    Busybox,
}

/// What an Alpine image has that is no applet of busybox there: getent comes with its C library.
const NOT_BUSYBOX: [&str; 1] = ["getent"];

impl Image {
    /// Makes sure that the named engines are there, or all of them when none is named.
    pub fn fetch(engines: &[String]) -> Result<Vec<Image>> {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/lab/engines.sh");
        let output = Command::new("sh").arg(&script).args(engines).output()?;
        ensure!(
            output.status.success(),
            "{}: {}\n{}",
            script.display(),
            output.status,
            String::from_utf8_lossy(&output.stderr)
        );
        String::from_utf8(output.stdout)?.lines().map(Image::from_line).collect()
    }

    /// From a line of the script: engine, version, folder of its programs.
    fn from_line(line: &str) -> Result<Image> {
        let [engine, version, bin] = line.split_whitespace().collect::<Vec<_>>()[..] else {
            bail!("engines.sh printed {line:?}")
        };
        let family = engine.split('-').next().unwrap_or_default().to_owned();
        let root = Path::new(bin).with_file_name("root");
        ensure!(root.join("usr/bin").is_dir(), "{} is empty", root.display());
        let mut image = Image {
            engine: engine.to_owned(),
            family,
            version: version.to_owned(),
            root,
            binds: Vec::new(),
            links: Vec::new(),
            tools: Tools::Debian,
        };
        image.mount(&["usr", "bin", "sbin", "lib", "lib64"]);
        Ok(image)
    }

    /// Mounts folders of the packages. Newer suites have everything under /usr, and links to it.
    fn mount(&mut self, parts: &[&str]) {
        for part in parts {
            let folder = self.root.join(part);
            if folder.is_dir() && !folder.is_symlink() {
                self.binds.push((folder, format!("/{part}")));
            } else {
                self.links.push((format!("usr/{part}"), format!("/{part}")));
            }
        }
    }

    /// The same engine with bash in the place of dash.
    pub fn with_bash(&self) -> Result<Image> {
        let bin = if self.root.join("usr/bin/dash").exists() { "usr/bin" } else { "bin" };
        let bash = self.root.join(bin).join("bash");
        ensure!(bash.exists(), "{} is missing", bash.display());
        let mut image = Image { tools: Tools::Bash, ..self.clone() };
        // sh is a link to dash.
        image.binds.push((bash, format!("/{bin}/dash")));
        Ok(image)
    }

    /// The same engine with busybox instead of Debian's tools, put together in a folder.
    pub fn with_busybox(&self, folder: &Path) -> Result<Image> {
        let busybox =
            ["/bin/busybox", "/usr/bin/busybox"].into_iter().find(|p| Path::new(p).exists());
        let Some(busybox) = busybox else {
            bail!("busybox is missing: apt-get install busybox-static")
        };
        fs::create_dir_all(folder)?;
        fs::copy(busybox, folder.join("busybox"))?;
        let applets = Command::new(busybox).arg("--list").output()?;
        for applet in String::from_utf8(applets.stdout)?.lines() {
            if applet != "busybox" && !NOT_BUSYBOX.contains(&applet) {
                symlink("busybox", folder.join(applet))?;
            }
        }
        for entry in fs::read_dir(self.root.join("usr/bin"))? {
            let name = entry?.file_name();
            let name = name.to_string_lossy();
            let engine = ["redis-", "valkey-"].iter().any(|family| name.starts_with(family));
            if engine || NOT_BUSYBOX.contains(&&*name) {
                fs::copy(self.root.join("usr/bin").join(&*name), folder.join(&*name))?;
            }
        }
        let bin = ("usr/bin".to_owned(), "/bin".to_owned());
        let mut image = Image {
            tools: Tools::Busybox,
            binds: vec![(folder.to_owned(), "/usr/bin".to_owned())],
            links: vec![bin],
            ..self.clone()
        };
        image.binds.push((self.root.join("usr/lib"), "/usr/lib".to_owned()));
        if self.root.join("usr/lib64").is_dir() {
            image.binds.push((self.root.join("usr/lib64"), "/usr/lib64".to_owned()));
        }
        image.mount(&["lib", "lib64"]);
        Ok(image)
    }

    /// The engine's command line client, such as `valkey-cli`.
    pub fn cli(&self) -> String {
        format!("{}-cli", self.family)
    }
}
