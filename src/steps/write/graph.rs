//! The cluster before the first stage and after each, drawn: shards with their pods and their part of the slots.

use std::io::{self, Write};

use super::super::Steps;
use crate::picture::{Format, Picture};

pub(super) fn write(all: &[Steps], format: Format, out: &mut dyn Write) -> io::Result<()> {
    let mut picture = Picture::default();
    for steps in all {
        picture.add_steps(steps);
    }
    picture.write(format, out)
}
