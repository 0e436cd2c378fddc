//! What an object may be called.

/// The rule for the names of a kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NameRule {
    /// A DNS-1123 subdomain: labels joined by dots, 253 characters at most. The rule of most kinds.
    Subdomain,
    /// A DNS-1123 label: lower-case letters, digits and `-`, 63 characters at most. Namespaces.
    Label,
    /// A DNS-1035 label: the same, but beginning with a letter. Services.
    ServiceName,
    /// Anything that can be one segment of a path. RBAC's kinds.
    PathSegment,
}

const LABEL: &str = "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and \
    must start and end with an alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for validation \
    is '[a-z0-9]([-a-z0-9]*[a-z0-9])?')";
const SUBDOMAIN: &str = "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' \
    or '.', and must start and end with an alphanumeric character (e.g. 'example.com', regex used for validation \
    is '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')";
const SERVICE: &str = "a DNS-1035 label must consist of lower case alphanumeric characters or '-', start with an \
    alphabetic character, and end with an alphanumeric character (e.g. 'my-name',  or 'abc-123', regex used for \
    validation is '[a-z]([-a-z0-9]*[a-z0-9])?')";

impl NameRule {
    /// What is wrong with a name, if anything; in the words that clients know.
    pub fn check(self, name: &str) -> Result<(), String> {
        let longest = self.longest();
        if name.len() > longest {
            return Err(format!("must be no more than {longest} characters"));
        }
        let (fits, message) = match self {
            NameRule::Subdomain => (name.split('.').all(is_label), SUBDOMAIN),
            NameRule::Label => (is_label(name), LABEL),
            NameRule::ServiceName => {
                (is_label(name) && name.starts_with(|c: char| c.is_ascii_lowercase()), SERVICE)
            }
            NameRule::PathSegment => {
                let dots = matches!(name, "." | "..");
                (
                    !name.is_empty() && !dots && !name.contains(['/', '%']),
                    "may not be '.' or '..', or contain '/' or '%'",
                )
            }
        };
        if fits { Ok(()) } else { Err(message.to_owned()) }
    }

    /// How many characters a name has at most.
    pub const fn longest(self) -> usize {
        match self {
            NameRule::Subdomain | NameRule::PathSegment => 253,
            NameRule::Label | NameRule::ServiceName => 63,
        }
    }
}

fn is_label(text: &str) -> bool {
    let edge = |byte: Option<&u8>| byte.is_some_and(|b| b.is_ascii_lowercase() || b.is_ascii_digit());
    let bytes = text.as_bytes();
    edge(bytes.first())
        && edge(bytes.last())
        && bytes.iter().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || *b == b'-')
}

#[cfg(test)]
mod tests {
    use super::NameRule::*;

    #[test]
    fn names_follow_the_rule_of_their_kind() {
        for (rule, good, bad) in [
            (Subdomain, ["a", "web-0.example", "1a"], ["", "A", "a..b"]),
            (Label, ["a", "web-0", "1"], ["a.b", "-a", "a-"]),
            (ServiceName, ["a", "web-0", "w1"], ["1a", "a.b", "a_b"]),
            (PathSegment, ["system:node", "A b", "..."], ["..", "a/b", "a%b"]),
        ] {
            assert!(good.iter().all(|name| rule.check(name).is_ok()), "{rule:?}");
            assert!(bad.iter().all(|name| rule.check(name).is_err()), "{rule:?}");
        }
        assert!(Subdomain.check(&"a".repeat(253)).is_ok() && Subdomain.check(&"a".repeat(254)).is_err());
        assert!(Label.check(&"a".repeat(63)).is_ok() && Label.check(&"a".repeat(64)).is_err());
    }
}
