//! Texts that have a form: names, labels, addresses.
//!
//! Each check returns what is wrong with the text, if anything.

use std::net::IpAddr;

use crate::resource::NameRule;

const NAME_PART: &str = "name part must consist of alphanumeric characters, '-', '_' or '.', and must start and end \
    with an alphanumeric character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is \
    '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')";
const LABEL_VALUE: &str = "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or \
    '.', and must start and end with an alphanumeric character (e.g. 'MyValue',  or 'my_value',  or '12345', regex \
    used for validation is '(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?')";
const QUALIFIED: &str = "a qualified name must consist of alphanumeric characters, '-', '_' or '.', and must start \
    and end with an alphanumeric character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is \
    '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]') with an optional DNS subdomain prefix and '/' (e.g. \
    'example.com/MyName')";

const WILDCARD: &str = "a wildcard DNS-1123 subdomain must start with '*.', followed by a valid DNS subdomain, which must \
    consist of lower case alphanumeric characters, '-' or '.' and end with an alphanumeric character (e.g. \
    '*.example.com', regex used for validation is \
    '\\*\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')";

/// A DNS-1123 label, as the name of a container.
pub(crate) fn dns_label(text: &str) -> Option<String> {
    NameRule::Label.check(text).err()
}

/// A DNS-1123 subdomain, as the name of most objects.
pub(crate) fn dns_subdomain(text: &str) -> Option<String> {
    NameRule::Subdomain.check(text).err()
}

/// A DNS-1123 subdomain below any name: `*.example.com`.
pub(crate) fn wildcard_subdomain(text: &str) -> Option<String> {
    let fits = text.strip_prefix("*.").is_some_and(|rest| dns_subdomain(rest).is_none());
    (!fits || text.len() > NameRule::Subdomain.longest()).then(|| WILDCARD.to_owned())
}

/// The key of a label or annotation, the name of a resource: `app`, `example.com/app`.
pub(crate) fn qualified_name(text: &str) -> Option<String> {
    let (prefix, name) = match text.split_once('/') {
        None => (None, text),
        Some((_, name)) if name.contains('/') => return Some(QUALIFIED.to_owned()),
        Some((prefix, name)) => (Some(prefix), name),
    };
    match prefix {
        Some("") => return Some("prefix part must be non-empty".to_owned()),
        Some(prefix) => {
            if let Some(why) = dns_subdomain(prefix) {
                return Some(format!("prefix part {why}"));
            }
        }
        None => {}
    }
    match name {
        "" => Some("name part must be non-empty".to_owned()),
        _ if name.len() > 63 => Some("name part must be no more than 63 characters".to_owned()),
        _ if !is_word(name) => Some(NAME_PART.to_owned()),
        _ => None,
    }
}

/// The value of a label.
pub(crate) fn label_value(text: &str) -> Option<String> {
    match text {
        _ if text.len() > 63 => Some("must be no more than 63 characters".to_owned()),
        _ if !text.is_empty() && !is_word(text) => Some(LABEL_VALUE.to_owned()),
        _ => None,
    }
}

/// The key of a label.
pub(crate) fn label_name(text: &str) -> Option<String> {
    qualified_name(text)
}

/// Letters, digits, `-`, `_` and `.`, with a letter or digit at both ends.
fn is_word(text: &str) -> bool {
    let bytes = text.as_bytes();
    let edge = |byte: Option<&u8>| byte.is_some_and(u8::is_ascii_alphanumeric);
    edge(bytes.first())
        && edge(bytes.last())
        && bytes.iter().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.'))
}

/// The name of a port: an IANA service name.
pub(crate) fn port_name(text: &str) -> Option<&'static str> {
    let fits = |test: fn(u8) -> bool| text.bytes().all(test);
    if text.len() > 15 {
        return Some("must be no more than 15 characters");
    }
    if text.is_empty() || !fits(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-') {
        return Some("must contain only alpha-numeric characters (a-z, 0-9), and hyphens (-)");
    }
    if !text.bytes().any(|b| b.is_ascii_lowercase()) {
        return Some("must contain at least one letter (a-z)");
    }
    if text.contains("--") {
        return Some("must not contain consecutive hyphens");
    }
    if text.starts_with('-') || text.ends_with('-') {
        return Some("must not begin or end with a hyphen");
    }
    None
}

/// An IPv4 or IPv6 address.
pub(crate) fn ip(text: &str) -> Option<&'static str> {
    let valid = text.parse::<IpAddr>().is_ok();
    (!valid).then_some("must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)")
}

/// A path inside a volume: relative, and not out of it.
pub(crate) fn relative_path(text: &str) -> Option<&'static str> {
    if text.starts_with('/') {
        return Some("must be a relative path");
    }
    text.split('/').any(|part| part == "..").then_some("must not contain '..'")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn qualified_names_have_an_optional_prefix() {
        for good in ["a", "A_b.c-1", "example.com/app", "x/1"] {
            assert_eq!(qualified_name(good), None, "{good}");
        }
        let long = "a".repeat(64);
        for bad in ["", "-a", "a-", "a/b/c", "/a", "a/", "Example.com/a", "a b", long.as_str()] {
            assert!(qualified_name(bad).is_some(), "{bad}");
        }
    }

    #[test]
    fn label_values_may_be_empty() {
        for good in ["", "a", "A.b_c-1"] {
            assert_eq!(label_value(good), None, "{good}");
        }
        for bad in ["-", "a/b", "ü", &"a".repeat(64)] {
            assert!(label_value(bad).is_some(), "{bad}");
        }
    }

    #[test]
    fn port_names_are_short_lower_case_and_have_a_letter() {
        for good in ["http", "a1", "1a", "x-y"] {
            assert_eq!(port_name(good), None, "{good}");
        }
        for bad in ["", "80", "HTTP", "-a", "a-", "a--b", "sixteen-letters-"] {
            assert!(port_name(bad).is_some(), "{bad}");
        }
    }

    #[test]
    fn paths_inside_volumes_stay_inside() {
        assert_eq!((relative_path("a/b"), relative_path("a..b")), (None, None));
        assert!(relative_path("/a").is_some() && relative_path("a/../b").is_some());
    }
}
