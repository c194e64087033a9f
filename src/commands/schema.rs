//! `schema`: the JSON Schema of a spec file, to stdout.

use redis_cluster_gen::{error::Error, spec::schema};

use super::Answer;
use crate::output;

pub(crate) fn run() -> Result<Answer, Error> {
    output::print(schema::TEXT)?;
    Ok(Answer::Yes)
}
