//! Who is who: addresses to roles, VMs to tags, log records to groups, groups to causes.

pub mod causes;
pub mod covered;
pub mod difference;
pub mod directory;
pub mod expected;
pub mod exposure;
pub mod fields;
#[cfg(feature = "frames")]
pub mod frames;
pub mod group;
pub mod ledger;
mod measures;
pub mod node_tags;
pub mod path;
mod prints;
pub mod questions;
pub mod roads;
pub mod roles;
pub mod rollup;
pub mod scope;
pub mod seen;
pub mod shadow;
pub mod side;
pub mod silent;
pub mod simulate;
mod table;
pub mod usage;
pub mod window;

pub use causes::{Cause, Correlation, correlate};
pub use directory::Directory;
pub use group::Group;
pub use ledger::{Ledger, LogCounts};
pub use questions::{Detail, Edges, Question};
pub use roles::{Owner, Roles, Who};
pub use rollup::RollUp;
pub use scope::Scope;
pub use side::Side;
pub use simulate::{Answer, Simulator};
pub use window::{Limits, Window};
