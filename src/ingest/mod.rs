//! The rim where text becomes the model: log entries, resources, pasted texts.
//!
//! Everything here is total: a reader returns what it understood and complaints about the rest.

pub mod amazon;
pub mod attach;
pub mod balancers;
pub mod cnrm;
pub mod command;
pub mod conditions;
mod controllers;
mod copies;
pub mod describe;
pub mod dns;
pub mod document;
pub mod drift;
mod exported;
mod fields;
pub mod gcloud;
mod kept;
pub mod kubernetes;
pub mod log;
mod object;
pub mod operations;
pub mod pages;
pub mod policies;
pub mod profile;
pub mod query;
pub mod reader;
mod routers;
mod routes;
pub mod rules;
pub mod settle;
pub mod symptom;
pub mod terraform;
mod terraform_policies;
mod terraform_resources;
mod terraform_routers;
pub mod terraform_show;
mod webhooks;

/// What became of an item.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Read {
    /// It is in the inventory, as this kind of input.
    Used(&'static str),
    /// It says something about other items, and is none itself.
    Noted,
    /// It is of a kind that is known and not used.
    Unused,
    /// It is of a kind that is known, but what makes it usable is missing; what that is.
    Bad(&'static str),
    /// It is nothing that is known.
    Unrecognised,
}
