//! What a plan wrote, and how the caches are waited for.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use super::{ObjectRef, View};
use crate::Environment;
use crate::cache::Stopped;
use crate::client::{Client, Deletion, ListOptions};
use crate::error::{ApiError, Reason};
use crate::object::{Kind, Object};
use crate::store::Revision;

/// The pause before a failed read of the store's revision is repeated.
const READ_PAUSE: Duration = Duration::from_secs(1);

/// The writes made for one target that the caches have yet to show.
#[derive(Debug, Default)]
pub(super) struct Written {
    revisions: BTreeMap<Kind, Revision>,
    /// Objects that are gone at a revision that nobody told.
    gone: Vec<(ObjectRef, String)>,
    /// Kinds of which a write may have happened or not.
    uncertain: BTreeSet<Kind>,
}

impl Written {
    pub(super) fn wrote(&mut self, object: &Object) {
        self.reach(object.kind(), object.revision());
    }

    pub(super) fn deleted(&mut self, target: &ObjectRef, deletion: &Deletion) {
        match deletion {
            Deletion::Marked(object) => self.wrote(object),
            Deletion::Gone { last: Some(last), .. } => self.wrote(last),
            Deletion::Gone { uid, last: None } => self.gone.push((target.clone(), uid.clone())),
        }
    }

    /// The object was found to be gone.
    pub(super) fn found_gone(&mut self, target: &ObjectRef, uid: Option<&str>) {
        self.gone.extend(uid.map(|uid| (target.clone(), uid.to_owned())));
    }

    /// A write failed. Where it may have happened all the same, all that did is waited for.
    pub(super) fn failed(&mut self, kind: Kind, error: &ApiError) {
        if matches!(error.reason(), Reason::Timeout | Reason::InternalError) {
            self.uncertain.insert(kind);
        }
    }

    fn reach(&mut self, kind: Kind, revision: Revision) {
        let known = self.revisions.entry(kind).or_default();
        *known = revision.max(*known);
    }

    /// Waits until the caches of the view show everything. Kinds that the view does not hold are not waited for.
    pub(super) async fn until_seen(
        mut self,
        view: &View,
        client: &dyn Client,
        env: &Environment,
    ) -> Result<(), Stopped> {
        for kind in std::mem::take(&mut self.uncertain) {
            let revision = current_revision(kind, client, env).await;
            self.reach(kind, revision);
        }
        for (kind, revision) in self.revisions {
            if let Ok(cache) = view.cache(kind) {
                cache.wait_for(revision).await?;
            }
        }
        for (object, uid) in self.gone {
            if let Ok(cache) = view.cache(object.kind) {
                cache.wait_until_gone(&object.key, &uid).await?;
            }
        }
        Ok(())
    }
}

/// The store's revision now, by a consistent read.
async fn current_revision(kind: Kind, client: &dyn Client, env: &Environment) -> Revision {
    let options = ListOptions { limit: Some(1), ..ListOptions::default() };
    loop {
        match client.list(kind, &options).await {
            Ok(list) => return list.revision,
            Err(error) => {
                tracing::warn!(%kind, %error, "cannot find out what became of a write");
                env.sleep(READ_PAUSE).await;
            }
        }
    }
}
