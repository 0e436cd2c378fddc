//! What certificates say.

use std::net::IpAddr;

use bireme_core::client::Identity;
use jiff::{Timestamp, ToSpan};
use x509_parser::extensions::{GeneralName, ParsedExtension};
use x509_parser::prelude::{FromDer, X509Certificate};

use super::PkiError;

/// Who a (verified) client certificate says its holder is: the common name is the user, the organizations are the
/// groups.
///
/// # Errors
///
/// When it is not a certificate, or has no common name.
pub fn identity_of(der: &[u8]) -> Result<Identity, PkiError> {
    let certificate = parse(der)?;
    let subject = certificate.subject();
    let user = subject
        .iter_common_name()
        .find_map(|name| name.as_str().ok())
        .filter(|name| !name.is_empty())
        .ok_or(PkiError::Certificate)?
        .to_owned();
    let groups =
        subject.iter_organization().filter_map(|name| name.as_str().ok()).map(str::to_owned).collect();
    Ok(Identity { user, groups })
}

fn parse(der: &[u8]) -> Result<X509Certificate<'_>, PkiError> {
    X509Certificate::from_der(der).map(|(_, certificate)| certificate).map_err(|_| PkiError::Certificate)
}

/// Whether a certificate can go on being used: issued by this authority, valid for another month, and good for
/// all of these names.
pub(super) fn is_good(
    der: &[u8],
    authority: &[u8],
    names: &[String],
    now: Timestamp,
) -> Result<bool, PkiError> {
    let (certificate, authority) = (parse(der)?, parse(authority)?);
    Ok(lasts(&certificate, now)
        && key_id_of_issuer(&certificate) == key_id(&authority)
        && names.iter().all(|name| is_for(&certificate, name)))
}

/// Whether a server with this certificate may be called by the name.
pub(super) fn is_for_name(der: &[u8], name: &str) -> Result<bool, PkiError> {
    Ok(is_for(&parse(der)?, name))
}

/// Whether a certificate is valid now, and for another month.
pub(super) fn is_lasting(der: &[u8], now: Timestamp) -> Result<bool, PkiError> {
    Ok(lasts(&parse(der)?, now))
}

fn lasts(certificate: &X509Certificate<'_>, now: Timestamp) -> bool {
    let validity = certificate.validity();
    let later = now.saturating_add((30 * 24).hours()).unwrap_or(Timestamp::MAX);
    validity.not_before.timestamp() <= now.as_second() && validity.not_after.timestamp() > later.as_second()
}

fn key_id<'a>(certificate: &'a X509Certificate<'_>) -> Option<&'a [u8]> {
    certificate.iter_extensions().find_map(|extension| match extension.parsed_extension() {
        ParsedExtension::SubjectKeyIdentifier(id) => Some(id.0),
        _ => None,
    })
}

fn key_id_of_issuer<'a>(certificate: &'a X509Certificate<'_>) -> Option<&'a [u8]> {
    certificate.iter_extensions().find_map(|extension| match extension.parsed_extension() {
        ParsedExtension::AuthorityKeyIdentifier(id) => id.key_identifier.as_ref().map(|id| id.0),
        _ => None,
    })
}

fn is_for(certificate: &X509Certificate<'_>, wanted: &str) -> bool {
    let Ok(Some(names)) = certificate.subject_alternative_name() else { return false };
    let address: Option<IpAddr> = wanted.parse().ok();
    names.value.general_names.iter().any(|name| match (name, address) {
        (GeneralName::DNSName(name), None) => name.eq_ignore_ascii_case(wanted),
        (GeneralName::IPAddress(bytes), Some(IpAddr::V4(address))) => *bytes == address.octets(),
        (GeneralName::IPAddress(bytes), Some(IpAddr::V6(address))) => *bytes == address.octets(),
        _ => false,
    })
}
