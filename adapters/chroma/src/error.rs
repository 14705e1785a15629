//! What Chroma answers when something is wrong, as far as it is not what any server would.

use portolan_core::ErrorKind;
use portolan_net::Kinds;

/// The words of answers that their status does not tell apart.
pub(crate) const KINDS: Kinds<u16> = &[
    (400, "expecting embedding with dimension", ErrorKind::DimensionMismatch),
    (400, "Quota exceeded", ErrorKind::QuotaExceeded),
    (422, "Quota exceeded", ErrorKind::QuotaExceeded),
    (500, "already exists", ErrorKind::AlreadyExists),
    (500, "Error finding id", ErrorKind::Unavailable),
    (500, "too many SQL variables", ErrorKind::Unexpected),
];

/// What to do about it.
pub(crate) const ADVICE: &[(ErrorKind, &str)] = &[
    (ErrorKind::Unauthenticated, "give a token (token=env:NAME) or user:password@"),
    (ErrorKind::PayloadTooLarge, "send less at once, or raise the server's max_payload_size_bytes"),
];
