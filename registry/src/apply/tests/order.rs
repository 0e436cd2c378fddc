//! The order of lists.

use proptest::prelude::*;

use super::*;

fn named(names: &[&str]) -> Value {
    Value::Array(names.iter().map(|name| json!({"name": name})).collect())
}

fn merged(live: &[&str], applied: &[&str]) -> Vec<String> {
    let mut web = Subject::default();
    web.update("other", |object| object["spec"] = containers(named(live))["spec"].clone());
    web.apply("me", containers(named(applied))).unwrap();
    let items = web.at(CONTAINERS).as_array().cloned().unwrap_or_default();
    items.iter().map(|item| item["name"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn what_is_applied_keeps_its_order_and_all_else_its_place() {
    for (live, applied, expected) in [
        (&["a", "b"][..], &["c"][..], &["a", "b", "c"][..]),
        (&["a", "b"], &["c", "b"], &["a", "c", "b"]),
        (&["a", "b", "c"], &["c", "a"], &["b", "c", "a"]),
        (&["a", "b", "x"], &["b", "a", "c"], &["b", "x", "a", "c"]),
        (&["a", "b"], &["b", "c", "a"], &["b", "c", "a"]),
        (&["x", "a", "y"], &["n", "a", "m"], &["x", "n", "a", "y", "m"]),
        (&[], &["b", "a"], &["b", "a"]),
        (&["b", "a"], &[], &["b", "a"]),
    ] {
        assert_eq!(merged(live, applied), expected, "{live:?} {applied:?}");
    }
}

const NAMES: [&str; 6] = ["a", "b", "c", "d", "e", "f"];

fn any_list() -> impl Strategy<Value = Vec<&'static str>> {
    let all = NAMES.to_vec();
    (Just(all).prop_shuffle(), 0..=NAMES.len()).prop_map(|(mut names, count)| {
        names.truncate(count);
        names
    })
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn nothing_is_lost_or_twice_and_both_orders_hold(live in any_list(), applied in any_list()) {
        let merged = merged(&live, &applied);
        let of = |wanted: &dyn Fn(&str) -> bool| -> Vec<&str> {
            merged.iter().map(String::as_str).filter(|name| wanted(name)).collect()
        };
        prop_assert_eq!(of(&|name| applied.contains(&name)), applied.clone());
        let others: Vec<&str> = live.iter().copied().filter(|name| !applied.contains(name)).collect();
        prop_assert_eq!(of(&|name| !applied.contains(&name)), others);
    }
}
