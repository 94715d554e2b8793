//! The text of an object, kept for those who print a change of it.

use std::sync::Arc;

use crate::ingest::fields::Fields;
use crate::ingest::terraform_resources::RESOURCE;
use crate::model::kept::{Form, TerraformResource};
use crate::model::{Kept, Origin};

/// An answer of the API's, or a resource of Terraform's.
pub(super) fn exported(fields: Fields<'_>, origin: &Origin) -> Option<Kept> {
    let form = terraform_resource(fields).map_or(Form::Export, Form::Terraform);
    Some(Kept { form, text: Arc::new(fields.0.clone()), origin: origin.clone() })
}

/// The resource of Terraform's that an object is.
pub(super) fn terraform_resource(fields: Fields<'_>) -> Option<TerraformResource> {
    let resource = fields.at(RESOURCE);
    let address = resource.text("address").filter(|one| !one.is_empty())?;
    Some(TerraformResource {
        is_one_of_several: resource.flag("several") == Some(true),
        address,
        name: resource.text_or_empty("name"),
    })
}
