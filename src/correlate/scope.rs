//! Which part of everything is asked about: `--project`, `--network`, `--cluster`.

use crate::model::Reference;
use crate::model::application::KnownPort;
use crate::net::IpNet;

/// A network as people name it: `n`, `p/n`, or a link.
#[must_use]
pub fn network_named(text: &str) -> Reference {
    match text.split_once('/') {
        Some((project, name))
            if !name.contains('/') && !["networks", "global"].contains(&project) =>
        {
            Reference::new(Some(project), name)
        }
        _ => Reference::parse(text),
    }
}

/// Which part of the log is asked about.
#[derive(Debug, Clone, Default)]
pub struct Scope {
    /// Only this project.
    pub project: Option<String>,
    /// Only this network.
    pub network: Option<Reference>,
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
        self.network.as_ref().is_none_or(|wanted| wanted.agrees(network))
            && self.project.as_ref().is_none_or(|wanted| of_project.is_none_or(|of| of == wanted))
    }
}
