//! Webhook configurations, APIServices and conversions of CustomResourceDefinitions: whom the API
//! server calls, about what, and whether it goes on without an answer.
//!
//! Fields: <https://kubernetes.io/docs/reference/generated/kubernetes-api/v1.31/>.

use crate::ingest::fields::Fields;
use crate::ingest::object::{Object, namespace, number};
use crate::model::webhook::{CallKind, CallTarget, NewPods};
use crate::model::{ObjectName, Webhook, Workloads};

/// Whom a `clientConfig` or an APIService's `service` names.
fn call_target(service: Fields<'_>) -> Option<CallTarget> {
    let name = ObjectName {
        namespace: namespace(service),
        name: service.text("name").filter(|name| !name.is_empty())?,
    };
    Some(CallTarget::Service(name, number(service, "port").unwrap_or(443)))
}

/// Reads the webhooks of a configuration; false where it is not said of one whom it calls, which
/// every one does.
pub(super) fn configuration(object: &Object<'_>, kind: CallKind, into: &mut Workloads) -> bool {
    into.webhook_configurations += 1;
    let mut is_whole = true;
    for webhook in object.fields.list("webhooks") {
        let client = webhook.at("clientConfig");
        let url = client.text("url").filter(|url| !url.is_empty()).map(CallTarget::Url);
        let Some(target) = call_target(client.at("service")).or(url) else {
            is_whole = false;
            continue;
        };
        let policy = webhook.text("failurePolicy").filter(|text| !text.is_empty());
        // The default changed with the version.
        let default = if object.is_beta { "Ignore" } else { "Fail" };
        into.webhooks.push(Webhook {
            kind,
            configuration: object.id.name.clone(),
            name: webhook.text_or_empty("name"),
            target,
            failure_policy: Some(policy.unwrap_or_else(|| default.to_owned())),
            scope: scope(webhook),
            new_pods: new_pods(webhook),
            origin: object.origin.clone(),
        });
    }
    is_whole
}

/// `pods CREATE, deployments.apps|statefulsets.apps CREATE|UPDATE`.
fn scope(webhook: Fields<'_>) -> String {
    let rule = |rule: Fields<'_>| {
        let groups = rule.texts("apiGroups");
        let resources = rule.texts("resources");
        let named = resources.iter().map(|resource| match groups.as_slice() {
            [group] if !group.is_empty() && group != "*" => format!("{resource}.{group}"),
            _ => resource.clone(),
        });
        let resources = named.collect::<Vec<_>>().join("|");
        format!("{resources} {}", rule.texts("operations").join("|")).trim().to_owned()
    };
    let mut rules: Vec<String> = webhook.list("rules").map(rule).collect();
    rules.sort_by_key(|rule| !rule.contains("pods"));
    rules.dedup();
    rules.join(", ")
}

/// Which of the pods that are made it is asked about: they are of the group without name, and
/// selectors or conditions leave some out
/// (<https://kubernetes.io/docs/reference/access-authn-authz/extensible-admission-controllers/#matching-requests-rules>).
fn new_pods(webhook: Fields<'_>) -> NewPods {
    let holds = |rule: Fields<'_>, key: &str, wanted: &[&str]| {
        let all = rule.texts(key);
        all.is_empty() || all.iter().any(|one| wanted.contains(&one.as_str()))
    };
    let of_pods = |rule: Fields<'_>| {
        holds(rule, "apiGroups", &["", "*"])
            && holds(rule, "resources", &["pods", "*", "*/*"])
            && holds(rule, "operations", &["CREATE", "*"])
    };
    if !webhook.list("rules").any(of_pods) {
        return NewPods::None;
    }
    let selects = |key: &str| {
        let selector = webhook.at(key);
        selector.at("matchLabels").0.as_object().is_some_and(|labels| !labels.is_empty())
            || selector.list("matchExpressions").next().is_some()
    };
    let conditions = webhook.list("matchConditions").next().is_some();
    match selects("namespaceSelector") || selects("objectSelector") || conditions {
        true => NewPods::Selected,
        false => NewPods::All,
    }
}

/// Reads an API that another server answers; false where it is not said which.
pub(super) fn api_service(object: &Object<'_>, into: &mut Workloads) -> bool {
    // Without Service the API server answers itself.
    let service = object.spec.at("service");
    let Some(target) = call_target(service) else {
        return service.0.as_object().is_none_or(serde_json::Map::is_empty);
    };
    let (group, version) = (object.spec.text_or_empty("group"), object.spec.text("version"));
    into.webhooks.push(Webhook {
        kind: CallKind::AggregatedApi,
        configuration: object.id.name.clone(),
        name: object.id.name.clone(),
        target,
        failure_policy: None,
        scope: format!("{group}/{}", version.unwrap_or_default()),
        new_pods: NewPods::None,
        origin: object.origin.clone(),
    });
    true
}

pub(super) fn conversion(object: &Object<'_>, into: &mut Workloads) {
    let conversion = object.spec.at("conversion");
    if conversion.text("strategy").as_deref() != Some("Webhook") {
        return;
    }
    // v1beta1 had it one level higher.
    let old = conversion.at("webhookClientConfig");
    let new = conversion.at("webhook").at("clientConfig");
    let client = if new.has("service") || new.has("url") { new } else { old };
    let url = client.text("url").map(CallTarget::Url);
    let Some(target) = call_target(client.at("service")).or(url) else { return };
    into.webhooks.push(Webhook {
        kind: CallKind::Conversion,
        configuration: object.id.name.clone(),
        name: object.id.name.clone(),
        target,
        failure_policy: None,
        scope: object.spec.at("names").text_or_empty("plural"),
        new_pods: NewPods::None,
        origin: object.origin.clone(),
    });
}
