//! The authority, and what it issues.

use bireme_core::Environment;
use bireme_core::client::Identity;
use rcgen::{
    BasicConstraints, CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer,
    KeyPair, KeyUsagePurpose, SerialNumber,
};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};

use super::PkiError;

/// How long the authority's own certificate lasts, in years.
const AUTHORITY_YEARS: i16 = 10;

/// How long what it issues lasts, in years.
const ISSUED_YEARS: i16 = 2;

/// A certificate and its private key, both in PEM.
#[derive(Clone)]
pub struct Credential {
    /// The certificate.
    pub certificate: String,
    /// Its private key, in PKCS #8.
    pub key: String,
}

impl std::fmt::Debug for Credential {
    /// Tells nothing of the key.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Credential").finish_non_exhaustive()
    }
}

impl Credential {
    /// The certificate in DER.
    ///
    /// # Errors
    ///
    /// When the PEM is not a certificate.
    pub fn certificate_der(&self) -> Result<CertificateDer<'static>, PkiError> {
        CertificateDer::from_pem_slice(self.certificate.as_bytes()).map_err(|_| PkiError::Certificate)
    }

    /// The private key in DER.
    ///
    /// # Errors
    ///
    /// When the PEM is not a private key.
    pub fn key_der(&self) -> Result<PrivateKeyDer<'static>, PkiError> {
        PrivateKeyDer::from_pem_slice(self.key.as_bytes()).map_err(|_| PkiError::Certificate)
    }
}

/// A certificate authority.
pub struct Authority {
    issuer: Issuer<'static, KeyPair>,
    credential: Credential,
    env: Environment,
}

impl Authority {
    /// A new authority.
    ///
    /// # Errors
    ///
    /// When there is no randomness to be had.
    pub fn generate(env: &Environment) -> Result<Authority, PkiError> {
        let what = "the certificate authority";
        let failed = |source| PkiError::Generate { what, source };
        let key = KeyPair::generate().map_err(failed)?;
        let params = authority_params(env);
        let certificate = params.self_signed(&key).map_err(failed)?.pem();
        let credential = Credential { certificate, key: key.serialize_pem() };
        Ok(Authority { issuer: Issuer::new(params, key), credential, env: env.clone() })
    }

    /// The authority that made this credential earlier.
    ///
    /// # Errors
    ///
    /// When the key is not one.
    pub fn load(credential: Credential, env: &Environment) -> Result<Authority, PkiError> {
        let failed = |source| PkiError::Generate { what: "the certificate authority", source };
        let key = KeyPair::from_pem(&credential.key).map_err(failed)?;
        // Of the parameters only the name, which is always the same, goes into what is issued.
        Ok(Authority { issuer: Issuer::new(authority_params(env), key), credential, env: env.clone() })
    }

    /// The authority's own certificate and key.
    pub fn credential(&self) -> &Credential {
        &self.credential
    }

    /// A certificate for a server that is reached under these host names and IP addresses.
    ///
    /// # Errors
    ///
    /// When a name is not one.
    pub fn server(&self, names: &[String]) -> Result<Credential, PkiError> {
        let what = "the server's certificate";
        let mut params =
            CertificateParams::new(names).map_err(|source| PkiError::Generate { what, source })?;
        params.distinguished_name.push(DnType::CommonName, "kube-apiserver");
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        self.issue(params, what)
    }

    /// A certificate by which a client says that it is this user in these groups.
    ///
    /// # Errors
    ///
    /// When the certificate cannot be made.
    pub fn client(&self, identity: &Identity) -> Result<Credential, PkiError> {
        let mut params = CertificateParams::default();
        name(&mut params, identity);
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
        self.issue(params, "a client's certificate")
    }

    /// A certificate for a node: as a client its kubelet is in the group of the nodes, as a server it has the
    /// node's name.
    ///
    /// # Errors
    ///
    /// When the name is not one.
    pub fn node(&self, node: &str) -> Result<Credential, PkiError> {
        let what = "a node's certificate";
        let failed = |source| PkiError::Generate { what, source };
        let mut params = CertificateParams::new([node.to_owned()]).map_err(failed)?;
        name(&mut params, &Identity::node(node));
        params.extended_key_usages =
            vec![ExtendedKeyUsagePurpose::ClientAuth, ExtendedKeyUsagePurpose::ServerAuth];
        self.issue(params, what)
    }

    fn issue(&self, mut params: CertificateParams, what: &'static str) -> Result<Credential, PkiError> {
        let failed = |source| PkiError::Generate { what, source };
        limit(&mut params, &self.env, ISSUED_YEARS);
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature, KeyUsagePurpose::KeyEncipherment];
        params.use_authority_key_identifier_extension = true;
        let key = KeyPair::generate().map_err(failed)?;
        let certificate = params.signed_by(&key, &self.issuer).map_err(failed)?.pem();
        Ok(Credential { certificate, key: key.serialize_pem() })
    }
}

/// Says whose the certificate is.
fn name(params: &mut CertificateParams, identity: &Identity) {
    params.distinguished_name.push(DnType::CommonName, identity.user.as_str());
    // One organization is what the library can put into a name, and what all of Kubernetes' own users need.
    if let Some(group) = identity.groups.first() {
        params.distinguished_name.push(DnType::OrganizationName, group.as_str());
    }
}

fn authority_params(env: &Environment) -> CertificateParams {
    let mut params = CertificateParams::default();
    params.distinguished_name = DistinguishedName::new();
    params.distinguished_name.push(DnType::CommonName, "bireme-ca");
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    params.key_usages =
        vec![KeyUsagePurpose::DigitalSignature, KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    limit(&mut params, env, AUTHORITY_YEARS);
    params
}

/// Sets serial number and validity, from the day before yesterday, so that clocks may disagree.
fn limit(params: &mut CertificateParams, env: &Environment, years: i16) {
    let mut serial = env.random_bytes::<16>();
    // A serial number is positive.
    serial[0] &= 0x7f;
    params.serial_number = Some(SerialNumber::from_slice(&serial));
    let today = env.now().to_zoned(jiff::tz::TimeZone::UTC).date();
    let day = |date: jiff::civil::Date| {
        rcgen::date_time_ymd(date.year().into(), date.month().unsigned_abs(), date.day().unsigned_abs())
    };
    params.not_before = day(today.saturating_sub(jiff::Span::new().days(2)));
    params.not_after = day(today.saturating_add(jiff::Span::new().years(years)));
}
