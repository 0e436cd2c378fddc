//! Why the API refused or failed: the one error of everything that speaks to it.

mod cause;

pub use cause::Cause;

use std::error::Error;
use std::fmt;
use std::sync::Arc;

use k8s_openapi::apimachinery::pkg::apis::meta::v1 as meta;

use crate::object::{DecodeError, Kind};

/// An error of the Kubernetes API: a reason, a message for people, and details for programs.
///
/// It is what a client receives as a `Status` object; [`ApiError::status`] and [`ApiError::from`] convert, and
/// [`Reason`] is the only place that knows the HTTP codes.
#[derive(Clone, Debug)]
pub struct ApiError(Box<Inner>);

#[derive(Clone, Debug)]
struct Inner {
    reason: Reason,
    message: String,
    subject: Option<(Kind, String)>,
    causes: Vec<Cause>,
    retry_after_seconds: Option<u32>,
    continue_token: Option<String>,
    source: Option<Arc<dyn Error + Send + Sync>>,
}

macro_rules! reasons {
    ($($(#[$doc:meta])* $name:ident = $code:literal,)*) => {
        /// Why, as Kubernetes' `Status.reason`.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        #[non_exhaustive]
        pub enum Reason { $($(#[$doc])* $name,)* }

        impl Reason {
            /// The HTTP status code.
            pub const fn code(self) -> u16 {
                match self { $(Reason::$name => $code,)* }
            }

            /// The name on the wire.
            pub const fn name(self) -> &'static str {
                match self { $(Reason::$name => stringify!($name),)* }
            }

            /// The reason with this name on the wire; else the one that its code means.
            pub fn parse(name: &str, code: u16) -> Reason {
                match name {
                    $(stringify!($name) => Reason::$name,)*
                    _ => Reason::from_code(code),
                }
            }
        }
    };
}

reasons! {
    /// The request makes no sense.
    BadRequest = 400,
    /// Who asks is not known.
    Unauthorized = 401,
    /// Who asks may not.
    Forbidden = 403,
    /// There is no such object.
    NotFound = 404,
    /// The verb does not exist here.
    MethodNotAllowed = 405,
    /// None of the accepted encodings can be served.
    NotAcceptable = 406,
    /// The name is taken.
    AlreadyExists = 409,
    /// Somebody else changed the object, or its state does not allow this.
    Conflict = 409,
    /// The resource version or continue token is too old.
    Expired = 410,
    /// The resource has gone for good.
    Gone = 410,
    /// The body is too large.
    RequestEntityTooLarge = 413,
    /// The body's encoding is not known.
    UnsupportedMediaType = 415,
    /// The object is wrong; the causes say where.
    Invalid = 422,
    /// Too many requests, or a budget forbids it now.
    TooManyRequests = 429,
    /// A bug, or a failure below.
    InternalError = 500,
    /// Not implemented by this server.
    NotImplemented = 501,
    /// Cannot be served at the moment.
    ServiceUnavailable = 503,
    /// Not done in time; it may still happen.
    Timeout = 504,
}

impl Reason {
    fn from_code(code: u16) -> Reason {
        match code {
            400 => Reason::BadRequest,
            401 => Reason::Unauthorized,
            403 => Reason::Forbidden,
            404 => Reason::NotFound,
            405 => Reason::MethodNotAllowed,
            406 => Reason::NotAcceptable,
            409 => Reason::Conflict,
            410 => Reason::Gone,
            413 => Reason::RequestEntityTooLarge,
            415 => Reason::UnsupportedMediaType,
            422 => Reason::Invalid,
            429 => Reason::TooManyRequests,
            501 => Reason::NotImplemented,
            503 => Reason::ServiceUnavailable,
            504 => Reason::Timeout,
            _ => Reason::InternalError,
        }
    }
}

impl ApiError {
    /// An error with a reason and a message.
    pub fn new(reason: Reason, message: impl Into<String>) -> Self {
        ApiError(Box::new(Inner {
            reason,
            message: message.into(),
            subject: None,
            causes: Vec::new(),
            retry_after_seconds: None,
            continue_token: None,
            source: None,
        }))
    }

    /// The request makes no sense: 400.
    pub fn bad_request(message: impl Into<String>) -> Self {
        Self::new(Reason::BadRequest, message)
    }

    /// There is no such object: 404.
    pub fn not_found(kind: Kind, name: &str) -> Self {
        Self::new(Reason::NotFound, format!("{} \"{name}\" not found", kind.qualified_plural()))
            .about(kind, name)
    }

    /// The name is taken: 409.
    pub fn already_exists(kind: Kind, name: &str) -> Self {
        Self::new(Reason::AlreadyExists, format!("{} \"{name}\" already exists", kind.qualified_plural()))
            .about(kind, name)
    }

    /// Somebody else changed the object, or its state does not allow this: 409.
    pub fn conflict(kind: Kind, name: &str, why: impl fmt::Display) -> Self {
        let plural = kind.qualified_plural();
        Self::new(Reason::Conflict, format!("Operation cannot be fulfilled on {plural} \"{name}\": {why}"))
            .about(kind, name)
    }

    /// The object was changed since it was read: 409, in the words that clients look for.
    pub fn modified(kind: Kind, name: &str) -> Self {
        let why =
            "the object has been modified; please apply your changes to the latest version and try again";
        Self::conflict(kind, name, why)
    }

    /// Who asks may not: 403.
    pub fn forbidden(kind: Kind, name: &str, why: impl fmt::Display) -> Self {
        Self::new(Reason::Forbidden, format!("{} \"{name}\" is forbidden: {why}", kind.qualified_plural()))
            .about(kind, name)
    }

    /// The object is wrong: 422 with the fields.
    pub fn invalid(kind: Kind, name: &str, causes: Vec<Cause>) -> Self {
        let list: Vec<String> = causes.iter().map(Cause::to_string).collect();
        let what = match list.as_slice() {
            [one] => one.clone(),
            many => format!("[{}]", many.join(", ")),
        };
        let qualified = if kind.group().is_empty() {
            kind.name().to_owned()
        } else {
            format!("{}.{}", kind.name(), kind.group())
        };
        let mut error = Self::new(Reason::Invalid, format!("{qualified} \"{name}\" is invalid: {what}"));
        error.0.causes = causes;
        error.about(kind, name)
    }

    /// A bug, or a failure below: 500.
    pub fn internal(message: impl Into<String>, source: impl Error + Send + Sync + 'static) -> Self {
        Self::new(Reason::InternalError, message).caused_by(source)
    }

    /// The same error about an object.
    pub fn about(mut self, kind: Kind, name: &str) -> Self {
        self.0.subject = Some((kind, name.to_owned()));
        self
    }

    /// The same error with further causes.
    pub fn with_causes(mut self, causes: impl IntoIterator<Item = Cause>) -> Self {
        self.0.causes.extend(causes);
        self
    }

    /// The same error with advice on when to try again.
    pub fn retry_after(mut self, seconds: u32) -> Self {
        self.0.retry_after_seconds = Some(seconds);
        self
    }

    /// The same error with a token to go on with, from the present state: an expired list says so.
    pub fn continue_with(mut self, token: String) -> Self {
        self.0.continue_token = Some(token);
        self
    }

    /// The same error with the failure below.
    pub fn caused_by(mut self, source: impl Error + Send + Sync + 'static) -> Self {
        self.0.source = Some(Arc::new(source));
        self
    }

    /// Why.
    pub fn reason(&self) -> Reason {
        self.0.reason
    }

    /// The message for people.
    pub fn message(&self) -> &str {
        &self.0.message
    }

    /// The causes.
    pub fn causes(&self) -> &[Cause] {
        &self.0.causes
    }

    /// After how many seconds to try again, if the server said so.
    pub fn retry_after_seconds(&self) -> Option<u32> {
        self.0.retry_after_seconds
    }

    /// The token that an expired list can go on with, from the present state.
    pub fn continue_token(&self) -> Option<&str> {
        self.0.continue_token.as_deref()
    }

    /// Whether there is no such object.
    pub fn is_not_found(&self) -> bool {
        self.reason() == Reason::NotFound
    }

    /// Whether the object was changed by somebody else, or its state does not allow the request.
    pub fn is_conflict(&self) -> bool {
        self.reason() == Reason::Conflict
    }

    /// Whether the name is taken.
    pub fn is_already_exists(&self) -> bool {
        self.reason() == Reason::AlreadyExists
    }

    /// Whether a list or watch must start again from a fresh list.
    pub fn is_expired(&self) -> bool {
        matches!(self.reason(), Reason::Expired | Reason::Gone)
    }

    /// The error as the `Status` object that clients receive.
    pub fn status(&self) -> meta::Status {
        let inner = &*self.0;
        let causes = inner.causes.iter().map(|cause| meta::StatusCause {
            field: (!cause.field.is_empty()).then(|| cause.field.clone()),
            message: Some(cause.message.clone()),
            reason: Some(cause.reason.to_owned()),
        });
        let details = meta::StatusDetails {
            causes: (!inner.causes.is_empty()).then(|| causes.collect()),
            group: inner.subject.as_ref().map(|(kind, _)| kind.group().to_owned()).filter(|g| !g.is_empty()),
            kind: inner.subject.as_ref().map(|(kind, _)| match inner.reason {
                Reason::Invalid => kind.name().to_owned(),
                _ => kind.plural().to_owned(),
            }),
            name: inner.subject.as_ref().map(|(_, name)| name.clone()).filter(|name| !name.is_empty()),
            retry_after_seconds: inner.retry_after_seconds.and_then(|seconds| seconds.try_into().ok()),
            uid: None,
        };
        meta::Status {
            code: Some(inner.reason.code().into()),
            details: (details != meta::StatusDetails::default()).then_some(details),
            message: Some(inner.message.clone()),
            metadata: meta::ListMeta { continue_: inner.continue_token.clone(), ..meta::ListMeta::default() },
            reason: Some(inner.reason.name().to_owned()),
            status: Some("Failure".to_owned()),
        }
    }
}

impl From<meta::Status> for ApiError {
    fn from(status: meta::Status) -> Self {
        let code = status.code.and_then(|code| u16::try_from(code).ok()).unwrap_or(500);
        let reason = Reason::parse(status.reason.as_deref().unwrap_or_default(), code);
        let mut error = ApiError::new(reason, status.message.unwrap_or_default());
        error.0.continue_token = status.metadata.continue_;
        if let Some(details) = status.details {
            error.0.retry_after_seconds =
                details.retry_after_seconds.and_then(|seconds| seconds.try_into().ok());
            error.0.causes = details.causes.unwrap_or_default().into_iter().map(Cause::from).collect();
        }
        error
    }
}

impl From<DecodeError> for ApiError {
    /// What came out of the store, or from a client that should know better, is not an object.
    fn from(error: DecodeError) -> Self {
        ApiError::internal(format!("the object cannot be decoded: {error}"), error)
    }
}

impl fmt::Display for ApiError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.message)
    }
}

impl Error for ApiError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.0.source.as_ref().map(|source| &**source as &(dyn Error + 'static))
    }
}
