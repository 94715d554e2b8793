//! The only rooms that touch the world: files, standard streams, the clock, the environment.

pub mod answer;
pub mod compare;
pub mod demo;
mod expose;
mod follow;
pub mod gather;
pub mod input;
mod memory;
pub mod output;
mod part;
pub mod prepare;
mod resources;
pub mod run;
pub mod simulate;
mod utf16;

/// What ends the program early: the world refused, or was asked for wrongly.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// An input could not be opened or read.
    #[error("cannot read {path}: {cause}")]
    Input {
        /// The input.
        path: String,
        /// Why.
        cause: std::io::Error,
    },
    /// A pattern or a directory that matches nothing.
    #[error("{0} matches no file")]
    NoMatch(String),
    /// Wrong usage.
    #[error("{0}")]
    Usage(String),
    /// The inputs hold nothing that could be asked.
    #[error("{0}")]
    Nothing(String),
    /// The answer could not be written.
    #[error("cannot write {path}: {cause}")]
    Output {
        /// The output.
        path: String,
        /// Why.
        cause: std::io::Error,
    },
}
