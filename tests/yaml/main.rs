//! YAML: what is written is read alike by every reader that users have, and what cannot be read alike is refused.
//!
//! The outside readers are installed by `make tools`; without them these tests fail.

mod agreement;
mod corpus;
mod limits;
mod policy;
mod properties;
mod readers;
mod scalars;
mod strings;
