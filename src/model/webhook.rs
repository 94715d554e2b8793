//! What the API server calls out to: admission webhooks, aggregated APIs and conversions; what each
//! is asked about, and what stands still while it does not answer.
//!
//! `admission webhook guard.example.com: Fail on pods: nothing can start`

use crate::model::{ObjectName, Origin};

/// What calls the API server out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum CallKind {
    /// `MutatingWebhookConfiguration`.
    Mutating,
    /// `ValidatingWebhookConfiguration`.
    Validating,
    /// `APIService`.
    AggregatedApi,
    /// The conversion webhook of a `CustomResourceDefinition`.
    Conversion,
}

/// Which of the pods that are made a webhook is asked about.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum NewPods {
    /// None.
    #[default]
    None,
    /// Those that its selectors and conditions name.
    Selected,
    /// Every one.
    All,
}

/// What the API server calls: a webhook, or a server behind an aggregated API.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Webhook {
    /// What it is.
    pub kind: CallKind,
    /// The object that says so.
    pub configuration: String,
    /// The webhook's name; the API's, or the kind's.
    pub name: String,
    /// Whom it calls.
    pub target: CallTarget,
    /// `Fail` or `Ignore`; `Fail` where an admission webhook does not say.
    pub failure_policy: Option<String>,
    /// What it is asked about: `pods CREATE`, `issuers.cert-manager.io CREATE`.
    pub scope: String,
    /// Which of the pods that are made it is asked about.
    pub new_pods: NewPods,
    /// Where it was read.
    pub origin: Origin,
}

/// Whom the API server calls.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum CallTarget {
    /// A Service's port.
    Service(ObjectName, u16),
    /// An address outside of the cluster, or at least without Service.
    Url(String),
}

impl Webhook {
    /// `admission webhook guard.example.com`.
    #[must_use]
    pub fn words(&self) -> String {
        let kind = match self.kind {
            CallKind::Mutating | CallKind::Validating => "admission webhook",
            CallKind::AggregatedApi => "aggregated API",
            CallKind::Conversion => "conversion webhook of",
        };
        format!("{kind} {}", self.name)
    }

    /// The first of what it is asked about.
    fn asked_about(&self) -> String {
        match self.scope.split_once(", ") {
            Some((first, _)) => format!("{first}, …"),
            None => self.scope.clone(),
        }
    }

    /// What happens while it cannot be reached.
    #[must_use]
    pub fn blast_radius(&self) -> String {
        let fails = self.failure_policy.as_deref() != Some("Ignore");
        match (self.kind, fails, self.new_pods) {
            (CallKind::AggregatedApi, ..) => {
                "requests of this API fail, and so do discovery and the deletion of namespaces"
                    .to_owned()
            }
            (CallKind::Conversion, ..) => {
                "objects of this kind can be neither read nor written in another version".to_owned()
            }
            (_, true, NewPods::All) => "Fail on pods: nothing can start".to_owned(),
            (_, true, NewPods::Selected) => {
                "Fail on pods: none that it selects can start".to_owned()
            }
            (_, true, NewPods::None) => {
                format!("Fail: refused while it is unreachable: {}", self.asked_about())
            }
            (CallKind::Mutating, false, NewPods::All | NewPods::Selected) => {
                "Ignore on pods: sidecars and defaults are silently missing".to_owned()
            }
            (_, false, _) => format!("Ignore: silently skipped: {}", self.asked_about()),
        }
    }
}
