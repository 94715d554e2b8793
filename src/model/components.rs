//! Webhooks and aggregated APIs that many clusters have, by the name of their Service: the port
//! that their pods listen on unless somebody changed it, and the setting that moves it to 10250.

use std::sync::LazyLock;

use crate::model::ObjectName;

/// One of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Component {
    /// The Service's name, or `name.namespace` where the name alone says too little.
    service: &'static str,
    /// What people call it.
    pub component: &'static str,
    /// The port of its pods.
    pub port: u16,
    /// The value of its chart that moves it to 10250, where there is one.
    pub setting: Option<&'static str>,
}

static TABLE: LazyLock<Vec<Component>> =
    LazyLock::new(|| include_str!("webhook_ports.csv").lines().skip(1).filter_map(row).collect());

fn row(line: &'static str) -> Option<Component> {
    let mut cells = line.split(',');
    Some(Component {
        service: cells.next()?,
        component: cells.next()?,
        port: cells.next()?.parse().ok()?,
        setting: cells.next().filter(|text| !text.is_empty()),
    })
}

/// The component whose Service this is.
#[must_use]
pub fn component(service: &ObjectName) -> Option<&'static Component> {
    let full = format!("{}.{}", service.name, service.namespace);
    TABLE.iter().find(|row| row.service == service.name || row.service == full)
}

#[cfg(test)]
mod tests {
    use super::{TABLE, component};
    use crate::model::ObjectName;

    #[test]
    fn every_row_is_read_and_found() {
        assert_eq!(TABLE.len(), include_str!("webhook_ports.csv").lines().count() - 1);
        let port = |namespace: &str, name: &str| {
            component(&ObjectName::new(namespace, name)).map(|found| found.port)
        };
        assert_eq!(port("istio-system", "istiod"), Some(15017));
        assert_eq!(port("knative-serving", "webhook"), Some(8443));
        assert_eq!(port("shop", "webhook"), None);
    }
}
