//! Identity-Aware Proxy cannot reach a VM.
//!
//! What it means: TCP forwarding by IAP (gcloud compute ssh --tunnel-through-iap, RDP through IAP)
//! comes from 35.235.240.0/20 and is denied.
//!
//! What it looks like: "Error while connecting [4003: failed to connect to backend]".
//!
//! What to do: allow the port from 35.235.240.0/20, where access through IAP is wanted.
//!
//! Source: <https://cloud.google.com/iap/docs/using-tcp-forwarding>

use crate::checks::blocked::{self, Words};
use crate::checks::finding::{Confidence, Finding};
use crate::checks::{Check, Evidence, Severity, pasted};
use crate::correlate::Cause;
use crate::correlate::expected::{Conclusion, Told};
use crate::model::symptom::{Failure, SymptomKind};
use crate::net::{Direction, Role};

/// See the head of this file.
pub(super) const CHECK: Check = Check {
    id: "iap-blocked",
    title: "IAP cannot reach a VM",
    severity: Severity::Warning,
    source: include_str!("iap_blocked.rs"),
    claims: Some(claims),
    run: |check, evidence| {
        let told = evidence.correlation.told.iter();
        let open = told.filter_map(|told| unreached(check, told, evidence));
        pasted::join(blocked::find(check, evidence, words), open.collect())
    },
};

fn claims(cause: &Cause<'_>) -> bool {
    cause.source.role == Role::Iap && cause.direction != Some(Direction::Egress)
}

fn words(cause: &Cause<'_>, _: &Evidence<'_, '_>) -> Words {
    let to = blocked::who(&cause.destination);
    let title = format!("IAP cannot reach {to} on {}", blocked::traffic(cause));
    Words { title, explanation: vec![blocked::denied_by(cause)] }
}

/// An error of IAP's that nothing which was given explains.
fn unreached(check: &Check, told: &Told<'_>, evidence: &Evidence<'_, '_>) -> Option<Finding> {
    let SymptomKind::Iap(port) = told.symptom.kind else { return None };
    let port = port.unwrap_or(22);
    let no_fix = match told.answer {
        Conclusion::Firewall => return None,
        Conclusion::NotFirewall if told.symptom.failure == Failure::Forbidden => {
            "not the firewall: IAP answered that this account may not: \
             roles/iap.tunnelResourceAccessor"
                .to_owned()
        }
        Conclusion::NotFirewall => format!("not the firewall: {}", told.symptom.failure.verdict()),
        Conclusion::Elsewhere(_) => format!(
            "not the firewall: the rules let IAP reach the VMs that were given on tcp {port}; look \
             at whether the VM runs, and listens there"
        ),
        Conclusion::CannotTell(_) | Conclusion::Missing(_) => format!(
            "cannot tell whether it is the firewall: which VM was meant is not in the error; give \
             the rules and the VM (gcloud compute firewall-rules list, instances describe VM, \
             --format=json), or: vpcwhy why 35.235.240.1 VM-ADDRESS:{port} INPUT"
        ),
    };
    let words = pasted::Words {
        title: format!("IAP could not reach a VM on tcp {port}"),
        explanation: Vec::new(),
        no_fix,
        severity: Severity::Warning,
        confidence: Confidence::Possible,
    };
    Some(pasted::finding(check, told, evidence, words))
}
