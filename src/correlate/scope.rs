//! Which part of everything is asked about: `--project`, `--network`, `--cluster`.

use crate::model::Reference;
use crate::model::application::KnownPort;
use crate::net::IpNet;

/// Which part of the log is asked about.
#[derive(Debug, Clone, Default)]
pub struct Scope {
    /// Only this project.
    pub project: Option<String>,
    /// Only this network.
    pub network: Option<String>,
    /// Only connections from or to this cluster.
    pub cluster: Option<String>,
    /// Only this application, `NAMESPACE/NAME`.
    pub application: Option<String>,
    /// Who is to reach applications from outside.
    pub clients: Vec<IpNet>,
    /// The ports of an application that is not known by itself.
    pub profile: Vec<KnownPort>,
    /// Whether rules are tried that are not there: then log and resources may well disagree.
    pub what_if: bool,
}

impl Scope {
    /// Whether a network is asked about.
    #[must_use]
    pub fn holds(&self, network: &Reference) -> bool {
        let of_project = network.project.as_ref();
        self.network.as_ref().is_none_or(|name| Reference::parse(name).agrees(network))
            && self.project.as_ref().is_none_or(|wanted| of_project.is_none_or(|of| of == wanted))
    }
}
