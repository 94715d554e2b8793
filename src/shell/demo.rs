//! Samples that are part of the program, for `vpcwhy demo`: a first look without any export.

use crate::shell::Error;
use crate::shell::input::Source;

/// A sample: its name, what it shows, its files.
pub struct Demo {
    /// The word after `demo`.
    pub name: &'static str,
    /// One line.
    pub about: &'static str,
    files: &'static [(&'static str, &'static str)],
}

macro_rules! sample {
    ($name:literal, $about:literal, $case:literal, [$($file:literal),+]) => {
        Demo {
            name: $name,
            about: $about,
            files: &[$((
                concat!("samples/", $case, "/inputs/", $file),
                include_str!(concat!("../../samples/", $case, "/inputs/", $file)),
            )),+],
        }
    };
}

/// All of them; the first is the one that `demo` alone runs.
pub const DEMOS: [Demo; 3] = [
    sample!(
        "control-plane",
        "nodes cannot reach their control plane: one range is wrong",
        "control-plane-egress-blocked",
        ["firewall.yaml", "cluster.yaml", "log.ndjson"]
    ),
    sample!(
        "webhook",
        "the control plane cannot reach a webhook's port",
        "webhook-port-blocked",
        ["firewall-rules.json", "clusters.json", "subnetworks.json", "log.json"]
    ),
    sample!(
        "health-check",
        "only one of the two ranges of health checks is open",
        "health-check-blocked",
        ["firewall-rules.json", "clusters.json", "subnetworks.json", "log.ndjson"]
    ),
];

/// The sources of a sample.
pub fn sources(name: Option<&str>) -> Result<(&'static Demo, Vec<Source>), Error> {
    static ALL: [Demo; 3] = DEMOS;
    let found = match name {
        None => ALL.first(),
        Some(name) => ALL.iter().find(|demo| demo.name == name),
    };
    let Some(demo) = found else {
        let names: Vec<_> = ALL.iter().map(|demo| demo.name).collect();
        return Err(Error::Usage(format!("no such demo; there are {}", names.join(", "))));
    };
    let sources =
        demo.files.iter().map(|(name, text)| Source::Embedded((*name).to_owned(), text)).collect();
    Ok((demo, sources))
}
