//! Reading the past.

use std::collections::BTreeMap;

use super::Rig;
use super::kit::*;
use crate::store::{Change, Commit, CommitEvent, RangeRequest, Revision, Store};

pub(super) async fn a_read_at_an_earlier_revision_sees_the_state_of_then(rig: &dyn Rig) {
    let store = rig.create().await;
    let empty = revision(&*store).await;
    let first = put(&*store, "/a", "a1").await;
    let second = commit(&*store, Commit::new().put(key("/a"), value("a2")).put(key("/b"), value("b1"))).await;
    let third = delete(&*store, "/a").await;
    let fourth = put(&*store, "/a", "a3").await;
    for (at, expected) in [
        (empty, pairs([]).to_vec()),
        (first, pairs([("/a", "a1")])),
        (second, pairs([("/a", "a2"), ("/b", "b1")])),
        (third, pairs([("/b", "b1")])),
        (fourth, pairs([("/a", "a3"), ("/b", "b1")])),
    ] {
        let found = range(&*store, under_at("/", at)).await;
        assert_eq!((texts(&found.items), found.revision), (expected, at));
    }
    let then = range(&*store, under_at("/a", second)).await.items;
    assert_eq!((then[0].created, then[0].modified), (first, second));
}

pub(super) async fn pages_read_at_one_revision_make_a_whole(rig: &dyn Rig) {
    let store = rig.create().await;
    for index in 0..10 {
        put(&*store, format!("/p/{index}"), "before").await;
    }
    let whole = range(&*store, under("/p/")).await;
    let mut pages = Vec::new();
    let mut request = RangeRequest { limit: Some(3), at: Some(whole.revision), ..under("/p/") };
    loop {
        let page = range(&*store, request.clone()).await;
        assert_eq!(page.remaining as usize, whole.items.len() - pages.len() - page.items.len());
        pages.extend(page.items);
        // Whatever happens between two pages, in front of and behind them, does not show.
        put(&*store, format!("/p/{}", pages.len()), "after").await;
        put(&*store, format!("/p/{}-new", pages.len()), "after").await;
        delete(&*store, format!("/p/{}", 9 - pages.len() % 9)).await;
        if !page.more {
            break;
        }
        let last = pages.last().expect("a page that is not the last holds keys");
        request.start = Some(key(format!("{}\0", last.key)));
    }
    assert_eq!(pages, whole.items);
}

/// A state as the oracle has it: key to value, created and modified.
type State = BTreeMap<String, (String, Revision, Revision)>;

async fn assert_state(store: &dyn Store, at: Revision, state: &State) {
    let found = range(store, under_at("/", at)).await;
    let found: State = found
        .items
        .into_iter()
        .map(|item| {
            let text = item.value.escape_ascii().to_string();
            (item.key.to_string(), (text, item.created, item.modified))
        })
        .collect();
    assert_eq!(&found, state, "at revision {at}");
}

/// Applies a watched commit, and checks its previous values against the state before it.
fn apply(state: &mut State, event: &CommitEvent) {
    for change in &event.changes {
        let key = change.key().to_string();
        let before =
            previous(change).map(|item| (item.value.escape_ascii().to_string(), item.created, item.modified));
        assert_eq!(before.as_ref(), state.get(&key), "the previous value of {key} at {}", event.revision);
        match change {
            Change::Delete { .. } => state.remove(&key),
            Change::Put { current, .. } => state
                .insert(key, (current.value.escape_ascii().to_string(), current.created, current.modified)),
        };
    }
}

/// One random change of the store and of the oracle.
async fn step(store: &dyn Store, dice: &mut Dice, state: &mut State) -> Revision {
    let mut change = Commit::new();
    let mut after = state.clone();
    let mut puts = Vec::new();
    let first = dice.below(8);
    for offset in 0..=dice.below(3) {
        let name = format!("/k/{}", (first + offset) % 8);
        if dice.below(3) == 0 && state.contains_key(&name) {
            after.remove(&name);
            change = change.delete(key(&name));
        } else {
            let text = dice.below(1 << 20).to_string();
            change = change.put(key(&name), value(&text));
            puts.push((name, text));
        }
    }
    let made = commit(store, change).await;
    for (name, text) in puts {
        let created = state.get(&name).map_or(made, |(_, created, _)| *created);
        after.insert(name, (text, created, made));
    }
    *state = after;
    made
}

pub(super) async fn every_revision_of_a_long_history_is_readable_and_watchable(rig: &dyn Rig) {
    for seed in 1..=3 {
        let store = rig.create().await;
        let begin = revision(&*store).await;
        let mut dice = Dice::new(seed);
        let mut history = vec![(begin, State::new())];
        for _ in 0..120 {
            let mut state = history[history.len() - 1].1.clone();
            let made = step(&*store, &mut dice, &mut state).await;
            history.push((made, state));
        }
        for (at, state) in &history {
            assert_state(&*store, *at, state).await;
        }
        let (start, state) = &history[history.len() / 2];
        let mut state = state.clone();
        let mut watch = Watching::new(&*store, "/", *start).await;
        for (at, expected) in &history[history.len() / 2 + 1..] {
            let event = watch.commit().await;
            assert_eq!(event.revision, *at, "seed {seed}");
            apply(&mut state, &event);
            assert_eq!(&state, expected, "seed {seed}");
        }
    }
}
