//! What people paste: an error of kubectl, an event, a controller's log line, as far as it tells
//! who could not reach whom, and how that failed.

use std::net::IpAddr;

use crate::model::{FirewallRule, ObjectName, Origin};

/// One error, once, however often it was pasted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Symptom {
    /// What failed.
    pub kind: SymptomKind,
    /// How.
    pub failure: Failure,
    /// The text, shortened.
    pub text: String,
    /// How often it stands there.
    pub count: u64,
    /// Where it stands first.
    pub origin: Origin,
}

/// The port that agents of konnectivity's dial
/// (<https://kubernetes.io/docs/tasks/extend-kubernetes/setup-konnectivity/>).
pub const KONNECTIVITY: u16 = 8132;

/// What failed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SymptomKind {
    /// The API server called a webhook.
    Webhook(Call),
    /// The API server asked for an aggregated API.
    AggregatedApi(Call),
    /// The API server called a kubelet: for logs, a shell, a forwarded port.
    Kubelet(Call),
    /// The API server passed a call on to a pod: `kubectl proxy`, a dashboard.
    Proxied(Call),
    /// Somebody's kubectl called the API server.
    Client(Call),
    /// A node pulled an image.
    ImagePull {
        /// The image, as it was asked for.
        image: Option<String>,
        /// The host that was asked.
        host: Option<String>,
        /// The address it was asked at.
        address: Option<(IpAddr, u16)>,
    },
    /// IAP could not reach a port of a VM.
    Iap(Option<u16>),
    /// A load balancer calls its backends unhealthy.
    UnhealthyBackends(Vec<String>),
    /// A controller may not change the firewall and says which command would.
    FirewallChange {
        /// The command.
        command: String,
        /// The rule that it would make, where it can be read.
        rule: Option<Box<FirewallRule>>,
    },
    /// So many nodes of so many registered.
    NodesMissing(Option<(u64, u64)>),
    /// A node could not reach a host, or the API server.
    NodeEgress(String),
    /// Nobody answered at this address, and who asked is not said.
    Dialled(IpAddr, u16),
}

impl SymptomKind {
    /// Whether an agent of konnectivity's failed to dial the control plane.
    #[must_use]
    pub fn is_by_agent(&self) -> bool {
        matches!(self, Self::NodeEgress(host) if host == "konnectivity")
    }
}

/// Whom the API server called.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Call {
    /// The webhook's name, or the API's.
    pub name: Option<String>,
    /// The Service and its port.
    pub service: Option<(ObjectName, u16)>,
    /// The address that was dialled: a pod's, mostly.
    pub address: Option<(IpAddr, u16)>,
}

/// How it failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Failure {
    /// Nobody answered: what a firewall does.
    Timeout,
    /// No way there.
    NoRoute,
    /// Somebody answered that nobody listens.
    Refused,
    /// The Service has no endpoints.
    NoEndpoints,
    /// There is no such Service.
    NoService,
    /// The certificate is not trusted.
    Certificate,
    /// Connected, and then nothing, or a cut.
    Broken,
    /// The name was not resolved.
    Name,
    /// The resolver that was asked did not answer, and is not the metadata server's.
    Resolver,
    /// Too many asked before.
    Limited,
    /// The disk is full.
    NoSpace,
    /// Not allowed to.
    Forbidden,
    /// A perimeter of VPC Service Controls refused it.
    Perimeter,
    /// The API server does not call this address.
    ForeignAddress,
    /// There is no such thing.
    NotFound,
    /// The konnectivity server has no agent.
    NoAgent,
    /// The API server says that the other one does not answer, and not why.
    Unavailable,
    /// The other one answered and said no.
    Answered,
    /// The text does not say.
    Unsaid,
}

impl Failure {
    /// Whether a firewall may do this.
    #[must_use]
    pub fn may_be_firewall(self) -> bool {
        matches!(self, Self::Timeout | Self::NoRoute | Self::Unavailable | Self::Unsaid)
    }

    /// What it says, where it is not the firewall, and what to look at instead.
    #[must_use]
    pub fn verdict(self) -> &'static str {
        match self {
            Self::Timeout => "nobody answered",
            Self::NoRoute => "there is no way to that network",
            Self::Refused => {
                "connection refused: the packet arrived, and nothing listens on that port; look at \
                 the pod and its ports"
            }
            Self::NoEndpoints => {
                "the Service has no endpoints: no pod of it is ready; look at its pods"
            }
            Self::NoService => {
                "the Service does not exist: the configuration was left behind, or came too early"
            }
            Self::Certificate => {
                "the connection works and its certificate does not: look at the serving \
                 certificate, and at the caBundle of what calls a webhook"
            }
            Self::Broken => {
                "the connection was made and broke off: look at the server, a proxy, or the MTU"
            }
            Self::Name => {
                "the name was not resolved: look at DNS; the metadata server's resolver cannot be \
                 blocked by a rule"
            }
            Self::Resolver => {
                "the resolver that was asked did not answer: look at it, and at what denies port \
                 53 on the way to it"
            }
            Self::Limited => {
                "the registry answered that too many pulls came before (429): pull with an \
                 account, or by a mirror"
            }
            Self::NoSpace => "the disk of the node is full: the image came, and had no room",
            Self::Forbidden => {
                "the server answered that this is not allowed: look at permissions and pull secrets"
            }
            Self::Perimeter => {
                "a perimeter of VPC Service Controls refused it, and answered: look at its ingress \
                 and egress rules, by the unique identifier in the audit log"
            }
            Self::ForeignAddress => {
                "the API server refused the address itself: it calls none that is not a node's or \
                 a pod's of its cluster; look at what the Service's endpoints are"
            }
            Self::NotFound => "the server answered that there is no such thing: look at the name",
            Self::NoAgent => {
                "the control plane has no konnectivity agent to speak through: look at the \
                 konnectivity-agent pods, and whether nodes reach the control plane"
            }
            Self::Unavailable => {
                "the API server says no more than that nobody answered; during an install that is \
                 so until the pods are ready"
            }
            Self::Answered => "the webhook answered and refused: it works",
            Self::Unsaid => "the text does not say how it failed",
        }
    }
}
