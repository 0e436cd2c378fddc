//! What keeps a store from growing for ever: history is compacted, and objects that live for a time expire.

use std::collections::VecDeque;
use std::sync::{Arc, Weak};
use std::time::Duration;

use bireme_core::Environment;
use bireme_core::environment::Instant;
use bireme_core::error::ApiError;
use bireme_core::store::{Commit, Key, RangeRequest, Revision, Store, StoreError, StoreExt};

use crate::errors::store_error;
use crate::registry::Registry;
use crate::table::{KindEntry, key_after};

/// How much history is kept at least for lists and watches to go on with, and how often it is looked at.
const HISTORY: Duration = Duration::from_secs(300);

/// Keys read at once when expired ones are looked for, and deleted in one commit.
const PAGE: usize = 100;

/// The revision of the store at moments of the past.
struct Marks {
    env: Environment,
    marks: VecDeque<(Instant, Revision)>,
}

impl Marks {
    /// The last known revision that is at least this old.
    fn before(&self, age: Duration) -> Option<Revision> {
        let now = self.env.instant();
        let old = self.marks.iter().rev().find(|(instant, _)| now.since(*instant) >= age);
        old.map(|(_, revision)| *revision)
    }

    fn set(&mut self, revision: Revision, longest: Duration) {
        let now = self.env.instant();
        self.marks.push_back((now, revision));
        // One older than the longest age asked for must stay.
        while self.marks.get(1).is_some_and(|(instant, _)| now.since(*instant) >= longest) {
            self.marks.pop_front();
        }
    }
}

/// Keeps house for as long as the registry lives.
pub(crate) async fn keep_house(registry: Weak<Registry>, store: Arc<dyn Store>, env: Environment) {
    let mut marks = Marks { env: env.clone(), marks: VecDeque::new() };
    loop {
        {
            let Some(registry) = registry.upgrade() else { return };
            if let Err(error) = registry.keep_house_once(&*store, &mut marks).await {
                tracing::warn!(%error, "history and expired objects are kept for longer");
            }
        }
        env.sleep(HISTORY).await;
    }
}

impl Registry {
    async fn keep_house_once(&self, store: &dyn Store, marks: &mut Marks) -> Result<(), ApiError> {
        let mortal = self.table.entries().iter().filter_map(|entry| {
            // A store that lets keys expire does so by itself, and one version of a kind speaks for all.
            let expires_here = !store.limits().ttl && entry.strategy.stored_as().is_none();
            entry.strategy.time_to_live().filter(|_| expires_here).map(|age| (entry, age))
        });
        let mut longest = HISTORY;
        for (entry, age) in mortal {
            longest = longest.max(age);
            if let Some(revision) = marks.before(age) {
                expire(store, entry, revision).await?;
            }
        }
        if let Some(revision) = marks.before(HISTORY) {
            store.compact(revision).await.map_err(store_error)?;
            self.table.entries().iter().for_each(|entry| entry.cache.forget(revision));
        }
        marks.set(store.revision().await.map_err(store_error)?, longest);
        Ok(())
    }
}

/// Deletes the objects of a kind that nobody has written since `revision`.
async fn expire(store: &dyn Store, entry: &KindEntry, revision: Revision) -> Result<(), ApiError> {
    let prefix = Key::from(entry.prefix.as_str());
    let mut start = None;
    loop {
        let request =
            RangeRequest { prefix: prefix.clone(), start: start.take(), limit: Some(PAGE), at: None };
        let page = store.range(request).await.map_err(store_error)?;
        let mut commit = Commit::new();
        for item in page.items.iter().filter(|item| item.modified <= revision) {
            commit = commit.if_modified_at(item.key.clone(), item.modified).delete(item.key.clone());
        }
        match store.commit(commit).await {
            // Whoever writes one of them now makes the others wait for the next time.
            Ok(_) | Err(StoreError::Conflict(_)) => {}
            Err(error) => return Err(store_error(error)),
        }
        if !page.more {
            return Ok(());
        }
        start = page.items.last().map(|item| key_after(&item.key));
    }
}
