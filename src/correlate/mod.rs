//! Who is who: addresses to roles, VMs to tags, log records to groups, groups to causes.

pub mod causes;
pub mod difference;
pub mod directory;
pub mod fields;
#[cfg(feature = "frames")]
pub mod frames;
pub mod node_tags;
pub mod roles;
pub mod rollup;
pub mod shadow;
pub mod simulate;
pub mod usage;

pub use causes::{Cause, Connection, Correlation, correlate};
pub use directory::Directory;
pub use roles::{Owner, Roles, Who};
pub use rollup::{Ledger, LogCounts, Partial, RollUp};
pub use simulate::{Answer, Simulator};
