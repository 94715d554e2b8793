//! The rim where values become text: for people (text, Markdown), for programs (JSON), and as
//! changes (gcloud, Config Connector, Terraform), the last each the inverse of a reader in ingest.

pub mod amazon;
pub mod cnrm;
pub mod collect;
pub mod csv;
pub mod diff;
pub mod document;
pub mod escape;
pub mod expose;
pub mod fix;
pub mod follow;
pub mod gcloud;
pub mod html;
pub mod inventory;
pub mod json;
pub mod page;
pub mod path;
pub mod policy;
pub mod reach;
pub mod resource;
pub mod sarif;
pub mod sim;
pub mod stats;
pub mod suggestion;
pub mod table;
pub mod terraform;
pub mod triage;
pub mod usage;
pub mod why;
