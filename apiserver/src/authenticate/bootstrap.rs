//! Bootstrap tokens: what a machine has that is not a node yet.

use std::collections::BTreeMap;
use std::sync::Arc;

use async_trait::async_trait;
use bireme_core::Environment;
use bireme_core::client::{Client, ClientExt, Identity};
use bireme_core::error::ApiError;
use bireme_core::object::ObjectKey;
use jiff::Timestamp;
use k8s_openapi::ByteString;
use k8s_openapi::api::core::v1::Secret;
use subtle::ConstantTimeEq;

use super::{Authenticator, Credentials};

const NAMESPACE: &str = "kube-system";
const TYPE: &str = "bootstrap.kubernetes.io/token";
/// The group of all who come with such a token; further groups lie below it.
const GROUP: &str = "system:bootstrappers";

/// Knows clients by bearer tokens `<id>.<secret>` for which there is a Secret `bootstrap-token-<id>` of the type
/// `bootstrap.kubernetes.io/token` in `kube-system`. They are the user `system:bootstrap:<id>`.
pub struct BootstrapTokens {
    client: Arc<dyn Client>,
    env: Environment,
}

impl BootstrapTokens {
    /// Looks Secrets up with this client.
    pub fn new(client: Arc<dyn Client>, env: Environment) -> Self {
        Self { client, env }
    }
}

#[async_trait]
impl Authenticator for BootstrapTokens {
    async fn authenticate(&self, credentials: Credentials<'_>) -> Result<Option<Identity>, ApiError> {
        let Some((id, secret)) = credentials.bearer_token().and_then(parts) else { return Ok(None) };
        let key = ObjectKey::namespaced(NAMESPACE, &format!("bootstrap-token-{id}"));
        match self.client.fetch::<Secret>(&key).await {
            Ok(known) => Ok(identity(&known, id, secret, self.env.now())),
            Err(error) if error.is_not_found() => Ok(None),
            Err(error) => Err(error),
        }
    }
}

/// The id and the secret of a token: six and sixteen small letters or digits, with a dot between.
fn parts(token: &str) -> Option<(&str, &str)> {
    let (id, secret) = token.split_once('.')?;
    let is_plain = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit() || byte.is_ascii_lowercase());
    (id.len() == 6 && secret.len() == 16 && is_plain(id) && is_plain(secret)).then_some((id, secret))
}

/// Who shows this token, if the Secret stands for it now.
fn identity(known: &Secret, id: &str, secret: &str, now: Timestamp) -> Option<Identity> {
    let data = known.data.as_ref()?;
    let is_valid = known.type_.as_deref() == Some(TYPE)
        && known.metadata.deletion_timestamp.is_none()
        && bool::from(data.get("token-secret")?.0.ct_eq(secret.as_bytes()))
        && text(data, "token-id") == Some(id)
        && text(data, "usage-bootstrap-authentication") == Some("true")
        && !has_expired(data, now);
    if !is_valid {
        return None;
    }
    let mut groups = vec![GROUP.to_owned()];
    for group in text(data, "auth-extra-groups").unwrap_or_default().split(',').filter(|it| !it.is_empty()) {
        // With a group that it must not give, the Secret gives nothing.
        groups.push(is_extra_group(group).then(|| group.to_owned())?);
    }
    Some(Identity { user: format!("system:bootstrap:{id}"), groups })
}

fn text<'a>(data: &'a BTreeMap<String, ByteString>, key: &str) -> Option<&'a str> {
    std::str::from_utf8(&data.get(key)?.0).ok()
}

/// Whether the Secret's time is over. What is no time is over too.
fn has_expired(data: &BTreeMap<String, ByteString>, now: Timestamp) -> bool {
    let expiration = data.contains_key("expiration").then(|| text(data, "expiration").unwrap_or_default());
    expiration.is_some_and(|text| !text.parse::<Timestamp>().is_ok_and(|end| now < end))
}

/// Whether it is `system:bootstrappers:` and a name of small letters, digits, colons and dashes that ends with a
/// letter or digit.
fn is_extra_group(group: &str) -> bool {
    let Some(name) = group.strip_prefix(GROUP).and_then(|rest| rest.strip_prefix(':')) else { return false };
    let is_plain = |byte: u8| byte.is_ascii_digit() || byte.is_ascii_lowercase();
    name.len() <= 256
        && name.bytes().all(|byte| is_plain(byte) || byte == b':' || byte == b'-')
        && name.bytes().last().is_some_and(is_plain)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const NOW: &str = "2030-01-01T00:00:00Z";

    /// The groups of whoever shows the token that the Secret is made for, with these entries changed.
    fn groups(changes: &[(&str, Option<&str>)]) -> Option<Vec<String>> {
        let mut data = BTreeMap::from([
            ("token-id", "abcdef"),
            ("token-secret", "0123456789abcdef"),
            ("usage-bootstrap-authentication", "true"),
        ]);
        for (key, value) in changes {
            match value {
                Some(value) => data.insert(key, value),
                None => data.remove(key),
            };
        }
        let data: BTreeMap<_, _> = data
            .into_iter()
            .map(|(key, value)| (key.to_owned(), ByteString(value.as_bytes().to_vec())))
            .collect();
        let secret = Secret { type_: Some(TYPE.to_owned()), data: Some(data), ..Secret::default() };
        let found = identity(&secret, "abcdef", "0123456789abcdef", NOW.parse().unwrap())?;
        assert_eq!(found.user, "system:bootstrap:abcdef");
        Some(found.groups)
    }

    #[test]
    fn a_secret_stands_for_its_token_while_it_may() {
        let expiring = |time| groups(&[("expiration", Some(time))]);
        assert_eq!(groups(&[]), Some(vec![GROUP.to_owned()]));
        assert!(expiring("2030-01-01T00:00:01Z").is_some());
        assert!(expiring("2030-01-01T02:00:01+01:00").is_some());
        for time in [NOW, "2029-01-01T00:00:00Z", "tomorrow", ""] {
            assert_eq!(expiring(time), None, "{time}");
        }
        for (key, value) in [
            ("token-secret", Some("0123456789abcdeg")),
            ("token-secret", None),
            ("token-id", Some("abcdeg")),
            ("usage-bootstrap-authentication", Some("yes")),
            ("usage-bootstrap-authentication", None),
        ] {
            assert_eq!(groups(&[(key, value)]), None, "{key}: {value:?}");
        }
        let other: Secret = serde_json::from_value(json!({"type": "Opaque", "data": {}})).unwrap();
        assert_eq!(identity(&other, "abcdef", "0123456789abcdef", NOW.parse().unwrap()), None);
    }

    #[test]
    fn only_groups_of_bootstrappers_can_be_given() {
        let extra = |groups_| groups(&[("auth-extra-groups", Some(groups_))]);
        let given = extra("system:bootstrappers:workers,system:bootstrappers:a:b-1");
        assert_eq!(given.unwrap()[1..], ["system:bootstrappers:workers", "system:bootstrappers:a:b-1"]);
        for wrong in
            ["system:masters", "system:bootstrappers:", "system:bootstrappers:a-", "system:bootstrappers:A"]
        {
            assert_eq!(extra(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn other_tokens_are_not_looked_up() {
        assert_eq!(parts("abcdef.0123456789abcdef"), Some(("abcdef", "0123456789abcdef")));
        for other in [
            "abcdef",
            "abcdef.",
            "abcde.0123456789abcdef",
            "abcdeF.0123456789abcdef",
            "a/b/c/.0123456789abcdef",
        ] {
            assert_eq!(parts(other), None, "{other}");
        }
    }
}
