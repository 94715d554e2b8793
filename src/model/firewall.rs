//! A firewall rule, of a VPC or of a policy, in the one form that the evaluator reads.
//!
//! What a filter does not say is `None`: it lets everything through. What it says but could not be
//! understood is kept in `unmodelled`, and a verdict that depends on it is Undetermined.

use std::collections::BTreeSet;
use std::fmt;
use std::sync::Arc;

use serde_json::Value;

use crate::model::kept::TerraformResource;
use crate::model::{Origin, Reference};
use crate::net::{
    AddressSet, Direction, Identities, Identity, IpNet, PortSet, Protocol, TrafficSet,
};

/// What a rule does with what it matches.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Action {
    /// Deny. Stands first: between VPC rules of equal priority a deny wins.
    Deny,
    /// Nobody knows: its description names none, or two. It may be a deny.
    Unknown,
    /// Allow.
    Allow,
    /// Leave it to the next stage (policies only).
    GotoNext,
    /// Hand it to a firewall endpoint (policies only): the outcome is not known here.
    Inspect,
}

impl fmt::Display for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Deny => "deny",
            Self::Unknown => "unknown",
            Self::Allow => "allow",
            Self::GotoNext => "goto_next",
            Self::Inspect => "apply_security_profile_group",
        })
    }
}

/// Who keeps a rule as it is, and would undo an edit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Owner {
    /// The person.
    User,
    /// GKE; the text says which of its rules this is.
    Gke(&'static str),
    /// Config Connector: the manifest is the place to edit.
    ConfigConnector,
    /// Terraform: the configuration is the place to edit; what is changed elsewhere it takes back.
    Terraform,
}

impl Owner {
    /// Who keeps a rule as a text of the person's says, and the language of the text.
    #[must_use]
    pub fn keeper(&self) -> Option<(&'static str, &'static str)> {
        match self {
            Self::User | Self::Gke(_) => None,
            Self::ConfigConnector => Some(("Config Connector", "cnrm")),
            Self::Terraform => Some(("Terraform", "terraform")),
        }
    }
}

/// What a Config Connector manifest says besides the rule itself: what has to stay as it is when
/// the manifest is written anew.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ManifestObject {
    /// The object's name; the resource may have another.
    pub name: String,
    /// The object's namespace, empty where the manifest leaves it out.
    pub namespace: String,
    /// The project of the annotation.
    pub project: Option<String>,
    /// `networkRef`: the object's name and namespace, or `external` alone.
    pub network: NetworkReference,
    /// The manifest itself, where it was given and not described.
    pub text: Option<Arc<Value>>,
    /// Whether the rule was exported, too, and stands as the export says.
    pub is_exported: bool,
    /// Where it was read.
    pub origin: Origin,
}

/// How a manifest refers to its network.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NetworkReference {
    /// By the object, in its namespace where that is said.
    Object(String, Option<String>),
    /// By the resource.
    External(String),
}

impl Default for NetworkReference {
    fn default() -> Self {
        Self::Object(String::new(), None)
    }
}

/// One protocol of a rule and its ports.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Layer4 {
    /// `None` is `all`.
    pub protocol: Option<Protocol>,
    /// `None` is every port, and packets without ports.
    pub ports: Option<PortSet>,
}

impl fmt::Display for Layer4 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.protocol {
            Some(protocol) => write!(f, "{protocol}")?,
            None => f.write_str("all")?,
        }
        match &self.ports {
            Some(ports) => write!(f, " {}", ports.texts().join(",")),
            None => Ok(()),
        }
    }
}

impl Layer4 {
    /// The same traffic with one part a protocol.
    #[must_use]
    pub fn merged(parts: impl IntoIterator<Item = Self>) -> Vec<Self> {
        let mut merged: Vec<Self> = Vec::new();
        for part in parts {
            match merged.iter_mut().find(|before| before.protocol == part.protocol) {
                None => merged.push(part),
                Some(before) => {
                    before.ports = match (&before.ports, &part.ports) {
                        (Some(a), Some(b)) => Some(a.union(b)),
                        _ => None,
                    };
                }
            }
        }
        merged
    }

    /// What it matches.
    #[must_use]
    pub fn traffic(&self) -> TrafficSet {
        match &self.ports {
            None => TrafficSet::of_protocol(self.protocol),
            Some(ports) => TrafficSet::of_ports(self.protocol, ports),
        }
    }
}

/// VMs by what they carry, any of which suffices; empty everywhere means all of the network.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Targets {
    /// Network tags (VPC rules only).
    pub tags: BTreeSet<String>,
    /// Service accounts.
    pub service_accounts: BTreeSet<String>,
    /// Secure tags (policies only).
    pub secure_tags: BTreeSet<String>,
}

/// The other end of INGRESS, as far as it is told by more than its address.
pub type SourceIdentity = Targets;

impl Targets {
    /// Whether nothing is named: the rule applies to every VM.
    #[must_use]
    pub fn is_everyone(&self) -> bool {
        self.tags.is_empty() && self.service_accounts.is_empty() && self.secure_tags.is_empty()
    }

    /// All names, each with its kind.
    #[must_use]
    pub fn identities(&self) -> Identities {
        let tags = self.tags.iter().cloned().map(Identity::Tag);
        let accounts = self.service_accounts.iter().cloned().map(Identity::Account);
        tags.chain(accounts)
            .chain(self.secure_tags.iter().cloned().map(Identity::SecureTag))
            .collect()
    }
}

/// A list of addresses that only Google can resolve.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum GoogleList {
    /// Names, resolved by Cloud DNS.
    Fqdn(Vec<String>),
    /// Countries; they hold public addresses only.
    Region(Vec<String>),
    /// Google's lists of bad addresses; they hold public addresses only.
    ThreatIntelligence(Vec<String>),
    /// An address group that was not given, by its name.
    AddressGroup(String),
    /// Something else that was not given, in words: a prefix list of AWS.
    NotGiven(String),
    /// Ranges of the input that are none: what stands there may be anything.
    Unreadable(String),
}

impl fmt::Display for GoogleList {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Fqdn(names) => write!(f, "domain names {}", names.join(", ")),
            Self::Region(codes) => write!(f, "region codes {}", codes.join(", ")),
            Self::ThreatIntelligence(lists) => {
                write!(f, "threat intelligence {}", lists.join(", "))
            }
            Self::AddressGroup(name) => write!(f, "address group {name}, which was not given"),
            Self::NotGiven(what) => write!(f, "{what}, which was not given"),
            Self::Unreadable(what) => f.write_str(what),
        }
    }
}

/// Where the other end has to be (`srcNetworkContext`, `destNetworkContext`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NetworkContext {
    /// On the internet.
    Internet,
    /// Anywhere else.
    NonInternet,
    /// In the same network.
    IntraVpc,
    /// In one of these networks.
    Networks(Vec<Reference>),
}

/// What a policy rule says of an end besides ranges and identities.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Conditions {
    /// Lists that are further ways to match.
    pub lists: BTreeSet<GoogleList>,
    /// Where the end has to be besides.
    pub context: Option<NetworkContext>,
}

/// Where a policy is, as far as it is known.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PolicyHome {
    /// Its project; hierarchical ones have none.
    pub project: Option<String>,
    /// Its region, of a regional one.
    pub region: Option<String>,
}

/// A rule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FirewallRule {
    /// The name; policy rules may have none.
    pub name: Option<String>,
    /// The policy it belongs to, `None` for VPC rules.
    pub policy: Option<String>,
    /// The kind of that policy, which tells the stage.
    pub stage: Option<PolicyKind>,
    /// Where that policy is: policies of several projects and regions share names.
    pub home: PolicyHome,
    /// The network it belongs to; for policy rules the networks are the policy's.
    pub network: Reference,
    /// Direction.
    pub direction: Direction,
    /// Whether the input does not say the direction in words that are known: it may be either.
    pub either_direction: bool,
    /// 0 outranks 65535.
    pub priority: u32,
    /// What it does.
    pub action: Action,
    /// Source ranges as they were written, for printing; the set is `source`.
    pub source_ranges: Vec<IpNet>,
    /// Destination ranges as they were written; the set is `destination`.
    pub destination_ranges: Vec<IpNet>,
    /// Sources by address, `None` where the rule names no range.
    pub source: Option<AddressSet>,
    /// Sources by identity; an OR with the ranges.
    pub source_identity: SourceIdentity,
    /// Destinations by address, `None` where the rule names no range.
    pub destination: Option<AddressSet>,
    /// Destinations by identity (EGRESS of security groups only); an OR with the ranges.
    pub destination_identity: Targets,
    /// What else is said of the source (policies only).
    pub source_conditions: Conditions,
    /// What else is said of the destination (policies only).
    pub destination_conditions: Conditions,
    /// The VMs it applies to.
    pub targets: Targets,
    /// The networks it applies to (`targetResources` of hierarchical policies); empty means all
    /// that the policy applies to.
    pub target_networks: Vec<Reference>,
    /// Protocols and ports, any of which suffices.
    pub layer4: Vec<Layer4>,
    /// Whether it is switched off.
    pub disabled: bool,
    /// Whether it writes log entries; `None` where the export does not say.
    pub logged: Option<bool>,
    /// Filters that are not understood: with one of these a match is never certain.
    pub unmodelled: Vec<String>,
    /// Its description, which is nothing to match by.
    pub description: Option<String>,
    /// `metadata` of its logging, where that is said.
    pub log_metadata: Option<String>,
    /// Who owns it.
    pub owner: Owner,
    /// Whether it was written (a plan, a state) and not exported: others may be there besides.
    pub is_written: bool,
    /// The manifest that Config Connector keeps it by.
    pub manifest: Option<Box<ManifestObject>>,
    /// The resource that Terraform keeps it by.
    pub terraform: Option<Box<TerraformResource>>,
    /// Fields that the API always writes and its description leaves out: what they say by default
    /// is taken.
    pub unsaid: Vec<&'static str>,
    /// Where it was read.
    pub origin: Origin,
}

/// How a doubt ends about a field that is not there.
const NOT_SAID: &str = ": not said";

impl FirewallRule {
    /// A rule that allows or denies nothing yet; the starting point of readers and tests.
    #[must_use]
    pub fn new(network: Reference, direction: Direction, priority: u32, action: Action) -> Self {
        Self {
            name: None,
            policy: None,
            stage: None,
            home: PolicyHome::default(),
            network,
            direction,
            either_direction: false,
            priority,
            action,
            source_ranges: Vec::new(),
            destination_ranges: Vec::new(),
            source: None,
            source_identity: SourceIdentity::default(),
            destination: None,
            destination_identity: Targets::default(),
            source_conditions: Conditions::default(),
            destination_conditions: Conditions::default(),
            targets: Targets::default(),
            target_networks: Vec::new(),
            layer4: Vec::new(),
            disabled: false,
            logged: None,
            unmodelled: Vec::new(),
            owner: Owner::User,
            is_written: false,
            manifest: None,
            terraform: None,
            description: None,
            log_metadata: None,
            unsaid: Vec::new(),
            origin: Origin::default(),
        }
    }

    /// What stands for rules of which nothing is known but where they are: one that allows and one
    /// that denies, and either may match anything.
    #[must_use]
    pub fn stand_ins(network: &Reference, why: &'static str, origin: &Origin) -> [Self; 2] {
        [Action::Allow, Action::Deny].map(|action| Self {
            either_direction: true,
            layer4: vec![Layer4 { protocol: None, ports: None }],
            unmodelled: vec![why.to_owned()],
            origin: origin.clone(),
            ..Self::new(network.clone(), Direction::Ingress, 0, action)
        })
    }

    /// Sets the source ranges and their set.
    pub fn set_source_ranges(&mut self, ranges: Vec<IpNet>) {
        self.source = (!ranges.is_empty()).then(|| AddressSet::of(&ranges));
        self.source_ranges = ranges;
    }

    /// Sets the destination ranges and their set.
    pub fn set_destination_ranges(&mut self, ranges: Vec<IpNet>) {
        self.destination = (!ranges.is_empty()).then(|| AddressSet::of(&ranges));
        self.destination_ranges = ranges;
    }

    /// Sets protocols and ports; parts of the same protocol become one.
    pub fn set_layers(&mut self, parts: impl IntoIterator<Item = Layer4>) {
        self.layer4 = Layer4::merged(parts);
    }

    /// Whether it may be for this direction.
    #[must_use]
    pub fn is_for(&self, direction: Direction) -> bool {
        self.direction == direction || self.either_direction
    }

    /// What of it is not understood.
    pub fn riddles(&self) -> impl Iterator<Item = &str> {
        let lists = self.source_conditions.lists.iter().chain(&self.destination_conditions.lists);
        let unreadable = lists.filter_map(|list| match list {
            GoogleList::Unreadable(what) => Some(what.as_str()),
            _ => None,
        });
        self.unmodelled.iter().map(String::as_str).chain(unreadable)
    }

    /// Whether all of it is understood.
    #[must_use]
    pub fn is_understood(&self) -> bool {
        self.riddles().next().is_none()
    }

    /// Whether two rules decide alike, whoever owns them and wherever they were read. Of filters
    /// that are not understood nobody can say that.
    #[must_use]
    pub fn decides_like(&self, other: &Self) -> bool {
        let plain = |rule: &Self| Self {
            name: None,
            policy: None,
            home: PolicyHome::default(),
            network: Reference::default(),
            source_ranges: Vec::new(),
            destination_ranges: Vec::new(),
            layer4: Vec::new(),
            logged: None,
            owner: Owner::User,
            manifest: None,
            terraform: None,
            description: None,
            log_metadata: None,
            is_written: false,
            unsaid: Vec::new(),
            origin: Origin::default(),
            ..rule.clone()
        };
        // Of a field that is not there two copies say the same; of one that is not understood, who
        // knows.
        let is_plain = |rule: &Self| rule.riddles().all(|what| what.ends_with(NOT_SAID));
        let understood = is_plain(self) && is_plain(other);
        (understood || self.origin == other.origin)
            && plain(self) == plain(other)
            && self.traffic() == other.traffic()
    }

    /// What a field says of itself that a selection of others left out.
    #[must_use]
    pub fn not_said(field: &str) -> String {
        format!("{field}{NOT_SAID}")
    }

    /// Whether both are exports of one rule, of which this one lacks fields that the other has,
    /// and agrees with it in the rest.
    #[must_use]
    pub fn is_selection_of(&self, whole: &Self) -> bool {
        if self.unsaid.is_empty() || !whole.unsaid.is_empty() || self.is_written || whole.is_written
        {
            return false;
        }
        let mut own = Self { either_direction: whole.either_direction, ..self.clone() };
        for field in &self.unsaid {
            match *field {
                "direction" => own.direction = whole.direction,
                "priority" => own.priority = whole.priority,
                _ => own.disabled = whole.disabled,
            }
            let said = Self::not_said(field);
            own.unmodelled.retain(|what| *what != said);
        }
        own.decides_like(whole)
    }

    /// What it matches of protocols and ports.
    #[must_use]
    pub fn traffic(&self) -> TrafficSet {
        let parts = self.layer4.iter().map(Layer4::traffic);
        parts.reduce(|a, b| a.union(&b)).unwrap_or_default()
    }

    /// Who else keeps it as it is, and where it has to be changed then.
    #[must_use]
    pub fn kept_by(&self) -> Option<String> {
        let (keeper, _) = self.owner.keeper()?;
        let place = match (&self.owner, self.terraform.as_deref(), self.manifest.as_deref()) {
            (Owner::Terraform, Some(resource), _) => resource.place(),
            (_, _, Some(manifest)) => manifest.origin.to_string(),
            _ => self.origin.to_string(),
        };
        Some(format!("{keeper} keeps {} as it is written ({place}): change it there", self.label()))
    }

    /// The name to call it by: its own, or `POLICY 100`.
    #[must_use]
    pub fn label(&self) -> String {
        match (&self.name, &self.policy) {
            (_, Some(policy)) => format!("{policy} {}", self.priority),
            (Some(name), None) => name.clone(),
            (None, None) => format!("without a name at {}", self.origin),
        }
    }

    /// The ports of `protocol` that the rule names: `None` where it does not name the protocol at
    /// all, every port where it names it without ports.
    #[must_use]
    pub fn ports_of(&self, protocol: Protocol) -> Option<PortSet> {
        self.layer4
            .iter()
            .filter(|part| part.protocol.is_none_or(|named| named == protocol))
            .map(|part| part.ports.clone().unwrap_or_else(PortSet::all))
            .reduce(|a, b| a.union(&b))
    }

    /// What stands for the rules of a policy that nobody gave says this of itself.
    pub const NOT_GIVEN: &'static str = "the rules of its policy were not given";

    /// What stands for the rules that a damaged input may have held says this of itself.
    pub const LOST: &'static str =
        "a part of this input could not be read, and may have held rules";

    /// What stands for the rules of a list that is not whole says this of itself.
    pub const IN_THE_REST: &'static str = "this is a part of a list, and the rest may hold rules";

    /// Why it stands for rules that nobody knows, where it does.
    #[must_use]
    pub fn stands_for(&self) -> Option<&'static str> {
        let all = [Self::NOT_GIVEN, Self::LOST, Self::IN_THE_REST];
        all.into_iter().find(|why| self.unmodelled.iter().any(|what| what == why))
    }

    /// Whether the rule speaks of any peer on any port of `protocol`: a default that somebody laid
    /// under everything else, not a word about one kind of traffic.
    #[must_use]
    pub fn is_catch_all(&self, protocol: Protocol) -> bool {
        let own_side = match self.direction {
            Direction::Ingress => &self.destination,
            Direction::Egress => &self.source,
        };
        let ports = self.ports_of(protocol);
        self.names_any_peer()
            && own_side.is_none()
            && ports.is_some_and(|ports| ports.is_everything())
    }

    /// Whether the other end may be anywhere.
    #[must_use]
    pub fn names_any_peer(&self) -> bool {
        match (self.direction, &self.source, &self.destination) {
            (Direction::Ingress, None, _) => self.source_identity.is_everyone(),
            (Direction::Egress, _, None) => true,
            (Direction::Ingress, Some(peer), _) | (Direction::Egress, _, Some(peer)) => {
                peer.is_anywhere()
            }
        }
    }
}

/// Where a policy stands among the stages.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum PolicyKind {
    /// Of an organisation or a folder.
    Hierarchical,
    /// Written by Google for a region.
    RegionalSystem,
    /// Of a network, global.
    GlobalNetwork,
    /// Of a network, in one region.
    RegionalNetwork,
    /// A network ACL of AWS: what it allows goes on to the groups.
    NetworkAcl,
    /// A security group of AWS.
    SecurityGroup,
}

impl PolicyKind {
    /// Whether it is of AWS.
    #[must_use]
    pub fn is_of_amazon(self) -> bool {
        matches!(self, Self::NetworkAcl | Self::SecurityGroup)
    }

    /// The word that stands in JSON.
    #[must_use]
    pub fn id(self) -> &'static str {
        match self {
            Self::Hierarchical => "hierarchical-policy",
            Self::RegionalSystem => "regional-system-policy",
            Self::GlobalNetwork => "global-network-policy",
            Self::RegionalNetwork => "regional-network-policy",
            Self::NetworkAcl => "network-acl",
            Self::SecurityGroup => "security-group",
        }
    }
}
