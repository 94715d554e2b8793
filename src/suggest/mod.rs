//! The smallest change that lets wanted traffic pass, and the proof that it does only that.

pub mod change;
mod crossing;
mod earlier;
mod group;
mod inspection;
pub mod name;
mod need;
pub mod proposal;
pub mod propose;
pub mod prove;
pub mod resource;
mod targets;

pub use change::{Change, Safety};
pub use earlier::Earlier;
pub use proposal::{NoFix, Proposal};
pub use propose::propose;
pub use prove::{Others, Printed, Printer, Proof, Refuted, Suggestion, prove, prove_narrowing};
pub use resource::ResourceChange;
