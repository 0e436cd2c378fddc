//! The members' addresses as the transport takes them.

use std::time::Duration;

use tonic::transport::{Certificate, ClientTlsConfig, Endpoint};

use crate::Error;
use crate::options::{Options, Tls};

/// How long connecting may take before another member is tried.
const CONNECT_LIMIT: Duration = Duration::from_secs(3);

/// What all streams of a connection may have on the way, as much as HTTP/2 can count. Each has a window of its own, so
/// that a watch that nobody reads holds up no other, and no commit.
const CONNECTION_WINDOW: u32 = (1 << 31) - 1;

/// All endpoints of the options.
pub(crate) fn endpoints(options: &Options) -> Result<Vec<Endpoint>, Error> {
    if options.endpoints.is_empty() {
        return Err(Error::NoEndpoint);
    }
    options.endpoints.iter().map(|endpoint| self::endpoint(endpoint, options)).collect()
}

fn endpoint(name: &str, options: &Options) -> Result<Endpoint, Error> {
    let invalid = |source| Error::Endpoint { endpoint: name.to_owned(), source };
    let endpoint = Endpoint::from_shared(name.to_owned())
        .map_err(invalid)?
        .connect_timeout(CONNECT_LIMIT)
        .http2_keep_alive_interval(options.keep_alive)
        .keep_alive_timeout(options.keep_alive)
        // etcd takes pings on a connection without a request for an attack.
        .keep_alive_while_idle(false)
        .initial_connection_window_size(CONNECTION_WINDOW);
    let needs = |needs| Error::Scheme { endpoint: name.to_owned(), needs };
    match (endpoint.uri().scheme_str(), &options.tls) {
        (Some("http"), None) => Ok(endpoint),
        (Some("https"), Some(tls)) => {
            let invalid = |source| Error::Tls { endpoint: name.to_owned(), source };
            endpoint.tls_config(config(tls)).map_err(invalid)
        }
        (Some("http"), Some(_)) => Err(needs("the scheme https to use certificates")),
        (Some("https"), None) => Err(needs("the certificate of an authority to trust")),
        _ => Err(needs("a scheme, http or https")),
    }
}

fn config(tls: &Tls) -> ClientTlsConfig {
    let mut config = ClientTlsConfig::new().ca_certificate(Certificate::from_pem(&tls.authority));
    if let Some(identity) = &tls.identity {
        config = config.identity(tonic::transport::Identity::from_pem(&identity.certificate, &identity.key));
    }
    match &tls.server_name {
        Some(name) => config.domain_name(name),
        None => config,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(options: &Options) -> String {
        endpoints(options).expect_err("the options contradict themselves").to_string()
    }

    #[test]
    fn an_endpoint_is_a_url_whose_scheme_goes_with_the_options() {
        let tls = || Some(Tls { authority: Vec::new(), identity: None, server_name: None });
        let with = |name: &str, tls| Options { tls, ..Options::new([name]) };
        assert!(endpoints(&with("http://10.0.0.1:2379", None)).is_ok());
        assert!(refused(&Options::new([""; 0])).contains("no endpoint"));
        assert!(refused(&with("http://10.0.0.1:2379", tls())).contains("https"));
        assert!(refused(&with("https://10.0.0.1:2379", None)).contains("authority"));
        assert!(refused(&with("10.0.0.1:2379", None)).contains("scheme"));
        assert!(refused(&with("http://[", None)).contains("http://["));
    }
}
