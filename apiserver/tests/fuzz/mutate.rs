//! How a sound text is spoilt.

use rand::rngs::StdRng;
use rand::seq::IndexedRandom as _;
use rand::{Rng as _, RngExt as _};
use serde_json::{Map, Value, json};

/// Texts do not grow beyond this.
const LONGEST: usize = 1 << 16;

/// Pieces that parsers are known to stumble over.
const PIECES: &[&str] = &[
    "null",
    "true",
    "-1",
    "0",
    "1e999",
    "-0.0",
    "18446744073709551616",
    "9223372036854775808",
    "\"\"",
    "{}",
    "[]",
    "[[[[[[[[",
    "{\"a\":{\"a\":{\"a\":",
    "\\u0000",
    "\\ud800",
    "\"\\",
    "\u{0}",
    "\u{feff}",
    "\u{202e}",
    "é",
    ",",
    ":",
    "}",
    "]",
    "&a ",
    "*a",
    "<<: ",
    "!!binary ",
    "--- ",
    "\n- ",
    "\n  ",
    "? ",
    "| ",
    "> ",
    "%",
    "../",
    "..",
    "//",
    "~1",
    "~0",
    "/-",
    "$patch",
    "$retainKeys",
    "$deleteFromPrimitiveList/finalizers",
    "$setElementOrder/containers",
    "managedFields",
    "resourceVersion",
    "=",
    "!=",
    "==",
    " in (",
    " notin (",
    ")",
    "!",
    ";q=0.5",
    ";as=Table",
    "*/*",
    "2026-13-45T99:99:99Z",
    "1Ei",
    "999999999999999999999E",
    "0.0000000001n",
    "k8s\u{0}",
    "metadata",
];

pub trait Mutate {
    /// The same with one to a few things wrong with it; pieces of `others` get into it, too.
    fn tampered(&self, random: &mut StdRng, others: &[Vec<u8>]) -> Vec<u8>;
}

impl Mutate for Vec<u8> {
    fn tampered(&self, random: &mut StdRng, others: &[Vec<u8>]) -> Vec<u8> {
        let mut text = self.clone();
        if random.random_bool(0.5)
            && let Ok(mut value) = serde_json::from_slice::<Value>(&text)
        {
            for _ in 0..random.random_range(1..4) {
                spoil_somewhere(&mut value, random);
            }
            text = value.to_string().into_bytes();
            text.truncate(LONGEST);
            if random.random_bool(0.7) {
                return text;
            }
        }
        for _ in 0..random.random_range(1..6) {
            tamper(&mut text, random, others);
            text.truncate(LONGEST);
        }
        text
    }
}

fn tamper(text: &mut Vec<u8>, random: &mut StdRng, others: &[Vec<u8>]) {
    let (begin, end) = range(text, random);
    match random.random_range(0..8) {
        0 => {
            if let Some(byte) = text.get_mut(begin) {
                *byte ^= 1 << random.random_range(0..8);
            }
        }
        1 => drop(text.drain(begin..end)),
        2 => {
            let copy = text[begin..end].to_vec();
            text.splice(begin..begin, copy);
        }
        3 => text.truncate(begin),
        4 | 5 => {
            let piece = piece(random).bytes();
            text.splice(begin..end.min(begin + random.random_range(0..8)), piece);
        }
        6 => {
            let other = others.choose(random).expect("there are others");
            let (from, to) = range(other, random);
            text.splice(begin..end, other[from..to].iter().copied());
        }
        _ => {
            let piece = piece(random).repeat(random.random_range(1..2_000));
            text.splice(begin..begin, piece.into_bytes());
        }
    }
}

fn piece(random: &mut StdRng) -> &'static str {
    PIECES.choose(random).expect("there are pieces")
}

fn range(text: &[u8], random: &mut StdRng) -> (usize, usize) {
    let begin = random.random_range(0..=text.len());
    let longest = (text.len() - begin).min(64);
    (begin, begin + random.random_range(0..=longest))
}

/// Spoils a place in a document, deep or not.
fn spoil_somewhere(value: &mut Value, random: &mut StdRng) {
    let stay = random.random_bool(0.2);
    let inside = match value {
        Value::Object(members) if !stay && !members.is_empty() => {
            let index = random.random_range(0..members.len());
            members.values_mut().nth(index)
        }
        Value::Array(items) if !stay && !items.is_empty() => {
            let index = random.random_range(0..items.len());
            items.get_mut(index)
        }
        _ => return spoil(value, random),
    };
    if let Some(inside) = inside {
        spoil_somewhere(inside, random);
    }
}

fn spoil(place: &mut Value, random: &mut StdRng) {
    let kept = place.take();
    *place = match random.random_range(0..12) {
        0 => Value::Null,
        1 => json!(""),
        2 => json!(random.next_u64()),
        3 => json!(-1),
        4 => json!("x".repeat(random.random_range(0..5_000))),
        5 => json!([kept.clone(), kept]),
        6 => json!({"name": kept}),
        7 => json!([]),
        8 => (0..random.random_range(1..100)).fold(kept, |inner, _| json!([inner])),
        9 => json!(piece(random)),
        10 => {
            let names = (0..random.random_range(1..100)).map(|number| (format!("n{number}"), kept.clone()));
            Value::Object(names.collect::<Map<_, _>>())
        }
        _ => json!(random.random_bool(0.5)),
    };
}
