//! Reports on hand-made problems, in every format, against committed files; then what each format
//! promises for any text in a problem.

mod cases;
mod formats;
mod golden;
mod properties;
