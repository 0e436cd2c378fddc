//! What exactly is wrong: the causes of an error.

use std::fmt;

use k8s_openapi::apimachinery::pkg::apis::meta::v1 as meta;

/// One field that is wrong, or one other cause of an error.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cause {
    /// The kind of cause as Kubernetes names it: `FieldValueRequired`, `FieldValueInvalid`, …
    pub reason: &'static str,
    /// The path of the field, such as `spec.containers[0].image`; empty where no field is to blame.
    pub field: String,
    /// What is wrong with it.
    pub message: String,
}

impl From<meta::StatusCause> for Cause {
    fn from(cause: meta::StatusCause) -> Self {
        let reason = Cause::REASONS.iter().find(|known| Some(**known) == cause.reason.as_deref());
        Cause {
            reason: reason.copied().unwrap_or("FieldValueInvalid"),
            field: cause.field.unwrap_or_default(),
            message: cause.message.unwrap_or_default(),
        }
    }
}

impl Cause {
    const REASONS: &[&str] = &[
        "FieldValueRequired",
        "FieldValueInvalid",
        "FieldValueNotFound",
        "FieldValueNotSupported",
        "FieldValueForbidden",
        "FieldValueDuplicate",
        "FieldValueTooLong",
        "FieldValueTooMany",
        "FieldValueTypeInvalid",
        "FieldManagerConflict",
        "NamespaceTerminating",
        "DisruptionBudget",
        "UnexpectedServerResponse",
        "ResourceVersionTooLarge",
    ];

    fn new(reason: &'static str, field: impl Into<String>, message: String) -> Self {
        Cause { reason, field: field.into(), message }
    }

    /// The field must be there.
    pub fn required(field: impl Into<String>, why: impl fmt::Display) -> Self {
        let why = why.to_string();
        let separator = if why.is_empty() { "" } else { ": " };
        Self::new("FieldValueRequired", field, format!("Required value{separator}{why}"))
    }

    /// The field's value is wrong.
    pub fn invalid(field: impl Into<String>, value: impl fmt::Debug, why: impl fmt::Display) -> Self {
        Self::new("FieldValueInvalid", field, format!("Invalid value: {value:?}: {why}"))
    }

    /// What the field refers to is not there.
    pub fn not_found(field: impl Into<String>, value: impl fmt::Debug) -> Self {
        Self::new("FieldValueNotFound", field, format!("Not found: {value:?}"))
    }

    /// The field's value is none of those allowed.
    pub fn not_supported(field: impl Into<String>, value: impl fmt::Debug, allowed: &[&str]) -> Self {
        let allowed: Vec<String> = allowed.iter().map(|value| format!("{value:?}")).collect();
        let message = format!("Unsupported value: {value:?}: supported values: {}", allowed.join(", "));
        Self::new("FieldValueNotSupported", field, message)
    }

    /// The field may not be set, or not be changed.
    pub fn forbidden(field: impl Into<String>, why: impl fmt::Display) -> Self {
        Self::new("FieldValueForbidden", field, format!("Forbidden: {why}"))
    }

    /// The value is there already.
    pub fn duplicate(field: impl Into<String>, value: impl fmt::Debug) -> Self {
        Self::new("FieldValueDuplicate", field, format!("Duplicate value: {value:?}"))
    }

    /// The value is too long.
    pub fn too_long(field: impl Into<String>, limit: usize) -> Self {
        Self::new("FieldValueTooLong", field, format!("Too long: may not be more than {limit} bytes"))
    }
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.field.is_empty() {
            f.write_str(&self.message)
        } else {
            write!(f, "{}: {}", self.field, self.message)
        }
    }
}
