//! Requests that somebody has tampered with, at a server with everything behind it.
//!
//! Whatever comes, the server answers in time, without a panic and without an error of its own; a refusal is a
//! `Status` with the code of the answer, and changes nothing. Each target runs for `BIREME_FUZZ_SECONDS` (10 unless
//! set; a minute in `cargo xtask test`) from the seed `BIREME_FUZZ_SEED` (1 unless set); a failure tells the request,
//! and the seed that leads to it.

#![expect(clippy::unwrap_used, reason = "a helper that panics fails its test")]

mod mutate;
mod rig;
mod seeds;

use std::time::Duration;

use http::Method;
use rand::rngs::StdRng;
use rand::seq::IndexedRandom as _;
use rand::{RngExt as _, SeedableRng as _};

use mutate::Mutate as _;
use rig::{Rig, Sent};

/// How long a target runs, and from which seed.
fn budget() -> (Duration, u64) {
    let number = |name: &str, otherwise| {
        std::env::var(name).map_or(otherwise, |value| value.parse().expect("a number in the environment"))
    };
    (Duration::from_secs(number("BIREME_FUZZ_SECONDS", 10)), number("BIREME_FUZZ_SEED", 1))
}

/// Sends what `make` makes of one seed after the other, until the time is over.
fn fuzz(make: impl Fn(&mut StdRng, &seeds::Corpus) -> Sent) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let rig = Rig::new().await;
        let corpus = seeds::Corpus::gather(&rig).await;
        let (time, first) = budget();
        let begin = rig.env.instant();
        let (mut seed, mut accepted) = (first, 0u64);
        while rig.env.instant().since(begin) < time {
            let mut random = StdRng::seed_from_u64(seed);
            let sent = make(&mut random, &corpus);
            accepted += u64::from(rig.survives(&sent, seed).await);
            seed += 1;
        }
        let count = seed - first;
        println!("{count} requests, of which {accepted} were accepted");
        assert!(count > 100, "only {count} requests in {time:?}");
        assert!(accepted > 0, "nothing gets past the first check");
        assert!(accepted < count, "nothing is refused");
        rig.is_as_before().await;
    });
}

#[test]
fn bodies_that_were_tampered_with() {
    fuzz(|random, corpus| {
        let object = corpus.objects.choose(random).unwrap();
        let (media, body) = object.forms.choose(random).unwrap();
        let (method, path) = match random.random_bool(0.5) {
            true => (Method::POST, &object.collection),
            false => (Method::PUT, &object.path),
        };
        let validation = *["Strict", "Warn", "Ignore", "", "%00"].choose(random).unwrap();
        let path = format!("{path}?dryRun=All&fieldManager=fuzz&fieldValidation={validation}");
        Sent::new(method, path).body(media, body.tampered(random, &corpus.texts))
    });
}

#[test]
fn patches_that_were_tampered_with() {
    fuzz(|random, corpus| {
        let object = corpus.objects.choose(random).unwrap();
        let (media, patch) = corpus.patches.choose(random).unwrap();
        let part = *["", "", "/status", "/scale"].choose(random).unwrap();
        let force = *["true", "false", "maybe"].choose(random).unwrap();
        let force = if media.contains("apply") { format!("&force={force}") } else { String::new() };
        let path = format!("{}{part}?dryRun=All&fieldManager=fuzz{force}", object.path);
        Sent::new(Method::PATCH, path).body(media, patch.as_bytes().to_vec().tampered(random, &corpus.texts))
    });
}

#[test]
fn queries_that_were_tampered_with() {
    fuzz(|random, corpus| {
        let object = corpus.objects.choose(random).unwrap();
        let mut query = String::new();
        for _ in 0..random.random_range(1..4) {
            let (name, values) = corpus.parameters.choose(random).unwrap();
            let value = values.choose(random).unwrap().as_bytes().to_vec();
            let value = if random.random_bool(0.6) { value.tampered(random, &corpus.texts) } else { value };
            let value = percent_encoding::percent_encode(&value, percent_encoding::NON_ALPHANUMERIC);
            query.push_str(&format!("&{name}={value}"));
        }
        let accept = *corpus.accepts.choose(random).unwrap();
        Sent::new(Method::GET, format!("{}?{}", object.collection, &query[1..])).header("accept", accept)
    });
}

#[test]
fn paths_and_headers_that_were_tampered_with() {
    fuzz(|random, corpus| {
        let object = corpus.objects.choose(random).unwrap();
        let path =
            [&*object.collection, &*object.path, "/apis", "/openapi/v3", "/version", "/readyz?verbose"];
        let path = path.choose(random).unwrap().as_bytes()[1..].to_vec();
        let path = if random.random_bool(0.7) { path.tampered(random, &corpus.texts) } else { path };
        const KEPT: &percent_encoding::AsciiSet = &percent_encoding::NON_ALPHANUMERIC
            .remove(b'/')
            .remove(b'.')
            .remove(b'?')
            .remove(b'=')
            .remove(b'-');
        let path = format!("/{}", percent_encoding::percent_encode(&path, KEPT));
        let accept = corpus.accepts.choose(random).unwrap().as_bytes().to_vec();
        let accept = if random.random_bool(0.5) { accept.tampered(random, &corpus.texts) } else { accept };
        let accept: String = accept.iter().map(|byte| char::from(byte % 95 + 32)).take(2_000).collect();
        let method = [Method::GET, Method::HEAD, Method::OPTIONS].choose(random).unwrap().clone();
        Sent::new(method, path).header("accept", &accept)
    });
}
