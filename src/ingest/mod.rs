//! The rim where text becomes the model: log entries, resources, pasted texts.
//!
//! Everything here is total: a reader returns what it understood and complaints about the rest.

pub mod cnrm;
pub mod command;
pub mod document;
pub mod fields;
pub mod gcloud;
pub mod log;
pub mod policies;
pub mod reader;
pub mod rules;
pub mod terraform;
