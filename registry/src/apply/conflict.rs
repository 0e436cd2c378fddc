//! Conflicts: fields that an apply would change, and that others own.

use std::fmt;

use bireme_core::error::{ApiError, Cause, Reason};

use super::path;
use crate::managed_fields::{Claim, FieldSet};

/// The conflicts of an apply, in the order of the managers.
#[derive(Debug)]
pub(crate) struct Conflicts(Vec<Conflict>);

/// What one manager owns of what an apply would change.
#[derive(Debug)]
struct Conflict {
    owner: String,
    paths: Vec<String>,
}

impl Conflicts {
    /// What others own, but for what is free to be taken.
    pub(super) fn of(claims: Vec<Claim>, free: &FieldSet) -> Conflicts {
        let mut conflicts: Vec<Conflict> = Vec::new();
        for Claim { owner, mut fields } in claims {
            fields.subtract(free);
            let paths = path::paths(&fields);
            if !paths.is_empty() {
                conflicts.push(Conflict { owner, paths });
            }
        }
        conflicts.sort_by(|one, other| one.owner.cmp(&other.owner));
        Conflicts(conflicts)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl std::error::Error for Conflicts {}

impl fmt::Display for Conflicts {
    /// In the words that kubectl shows.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let count: usize = self.0.iter().map(|conflict| conflict.paths.len()).sum();
        if let ([conflict], 1) = (self.0.as_slice(), count) {
            let Conflict { owner, paths } = conflict;
            return write!(f, "Apply failed with 1 conflict: conflict with {owner}: {}", paths.concat());
        }
        let lines = self.0.iter().map(|Conflict { owner, paths }| {
            let paths: String = paths.iter().map(|path| format!("\n- {path}")).collect();
            format!("conflicts with {owner}:{paths}")
        });
        write!(f, "Apply failed with {count} conflicts: {}", lines.collect::<Vec<_>>().join("\n"))
    }
}

impl From<Conflicts> for ApiError {
    fn from(conflicts: Conflicts) -> Self {
        let message = conflicts.to_string();
        let causes = conflicts.0.into_iter().flat_map(|Conflict { owner, paths }| {
            let message = format!("conflict with {owner}");
            paths.into_iter().map(move |field| Cause {
                reason: "FieldManagerConflict",
                field,
                message: message.clone(),
            })
        });
        ApiError::new(Reason::Conflict, message).with_causes(causes)
    }
}
