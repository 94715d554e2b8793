//! Values of the network: addresses, ports, protocols, connections, moments. No file here knows
//! what a firewall is.

pub mod bearers;
pub mod cidr;
pub mod direction;
pub mod five_tuple;
pub mod flow_set;
pub mod intervals;
pub mod ports;
pub mod protocol;
pub mod role;
pub mod timestamp;
pub mod traffic;
pub mod well_known;

pub use bearers::{Bearers, Identities, Identity};
pub use cidr::{AddressSet, IpNet, parse_address, parse_cidr, parse_plain_v4};
pub use direction::Direction;
pub use five_tuple::FiveTuple;
pub use flow_set::{FlowBox, FlowSet};
pub use ports::PortSet;
pub use protocol::Protocol;
pub use role::Role;
pub use timestamp::{Clock, Timestamp};
pub use traffic::{TrafficPart, TrafficSet};
