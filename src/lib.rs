//! wip
pub mod checks;
pub mod correlate;
pub mod diagnose;
pub mod engine;
pub mod ingest;
pub mod model;
pub mod net;
pub mod render;
pub mod suggest;
