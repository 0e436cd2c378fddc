//! The order of a list that a strategic merge patch has changed.

use std::collections::BTreeMap;

use serde_json::Value;

/// An item of a merged list.
pub(super) struct Item {
    /// What tells it from other items.
    pub identity: String,
    /// The item.
    pub value: Value,
    /// Its place in the list before the patch; none for a new item.
    pub place: Option<usize>,
}

/// What tells scalars apart, and objects by the value of their key: `80` is not `"80"`.
pub(super) fn identity(value: &Value) -> String {
    value.to_string()
}

/// Puts the merged items in order: those that `order` names stand as it says, the others as they stood, and
/// where the two meet an item goes first if it was in front of the other before, else the named one does.
/// New items therefore come first, unless `order` says otherwise.
pub(super) fn arrange(items: Vec<Item>, order: &[String]) -> Vec<Value> {
    let mut rank = BTreeMap::new();
    for (index, identity) in order.iter().enumerate() {
        rank.entry(identity.as_str()).or_insert(index);
    }
    let (mut named, rest): (Vec<Item>, Vec<Item>) =
        items.into_iter().partition(|item| rank.contains_key(item.identity.as_str()));
    named.sort_by_key(|item| rank.get(item.identity.as_str()).copied());
    let mut merged = Vec::with_capacity(named.len() + rest.len());
    let mut rest = rest.into_iter().peekable();
    for item in named {
        while let Some(other) = rest.next_if(|other| stood_before(other, &item)) {
            merged.push(other.value);
        }
        merged.push(item.value);
    }
    merged.extend(rest.map(|item| item.value));
    merged
}

fn stood_before(one: &Item, other: &Item) -> bool {
    matches!((one.place, other.place), (Some(one), Some(other)) if one < other)
}
