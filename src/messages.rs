//! What is said on stderr. That nobody reads it changes nothing.

use std::{env, fmt::Display, io::Write};

use anstream::ColorChoice;

use crate::cli::{self, Color};

/// How much is said.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Messages {
    quiet: bool,
    verbose: bool,
}

const RED: &str = "\x1b[1;31m";
const YELLOW: &str = "\x1b[1;33m";
const RESET: &str = "\x1b[0m";

impl Messages {
    pub(crate) fn new(flags: &cli::Messages) -> Messages {
        color_choice(flags.color).write_global();
        Messages { quiet: flags.quiet, verbose: flags.verbose }
    }

    pub(crate) fn is_quiet(self) -> bool {
        self.quiet
    }

    pub(crate) fn is_verbose(self) -> bool {
        self.verbose
    }

    /// Says what must be said, as it is.
    pub(crate) fn plain(self, message: &str) {
        let _ = writeln!(anstream::stderr().lock(), "{message}");
    }

    pub(crate) fn error(self, message: impl Display) {
        let _ = writeln!(anstream::stderr().lock(), "{RED}error{RESET}: {message}");
    }

    pub(crate) fn warning(self, message: impl Display) {
        if !self.quiet {
            let _ = writeln!(anstream::stderr().lock(), "{YELLOW}warning{RESET}: {message}");
        }
    }

    /// Says what was done.
    pub(crate) fn note(self, message: impl Display) {
        if !self.quiet {
            let _ = writeln!(anstream::stderr().lock(), "{message}");
        }
    }

    /// Says what was looked at.
    pub(crate) fn detail(self, message: impl Display) {
        if self.verbose {
            self.note(message);
        }
    }
}

/// Precedence, lowest to highest: the terminal, CLICOLOR, CLICOLOR_FORCE or FORCE_COLOR, NO_COLOR, `--color`.
fn color_choice(color: Color) -> ColorChoice {
    let is_set = |name| env::var_os(name).is_some_and(|value| !value.is_empty());
    match color {
        Color::Always => ColorChoice::Always,
        Color::Never => ColorChoice::Never,
        Color::Auto if is_set("NO_COLOR") => ColorChoice::Never,
        Color::Auto if is_set("FORCE_COLOR") => ColorChoice::Always,
        // anstream knows the others.
        Color::Auto => ColorChoice::Auto,
    }
}
