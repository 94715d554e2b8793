//! What is: log records, and the resources of a project as its exports describe them.

pub mod application;
pub mod attachment;
pub mod automatic;
pub mod balancer;
pub mod cluster;
pub mod complaint;
pub mod components;
pub mod condition;
pub mod firewall;
mod given;
pub mod inventory;
pub mod kept;
pub mod listed;
pub mod managed;
pub mod network;
pub mod origin;
pub mod policy;
pub mod query;
pub mod record;
pub mod reference;
pub mod symptom;
pub mod webhook;
pub mod workload;

pub use attachment::{Association, Attachment};
pub use balancer::Balancers;
pub use cluster::{Cluster, Instance, NodePool};
pub use complaint::Complaint;
pub use condition::{ConnectorObject, Drift};
pub use firewall::{Action, FirewallRule, Owner, PolicyKind};
pub use inventory::Inventory;
pub use kept::Kept;
pub use network::{
    ManagedZone, NameServerPolicy, Nat, NatSubnetwork, Network, PolicyRoute, RecordSet,
    ResponsePolicy, ResponseRule, Route, Subnetwork, ZoneTarget,
};
pub use origin::Origin;
pub use policy::FirewallPolicy;
pub use query::{Expected, Query, QueryId};
pub use record::{Disposition, Record, RuleReference};
pub use reference::{ObjectName, Reference};
pub use symptom::Symptom;
pub use webhook::Webhook;
pub use workload::{Service, Workload, Workloads};
