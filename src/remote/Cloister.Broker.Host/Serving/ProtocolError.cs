namespace Cloister.Broker.Host.Serving;

/// <summary>The errors of docs/broker-protocol.md, "Errors", by their names there.</summary>
internal enum ProtocolError
{
    /// <summary>Not well-formed, too many, too long.</summary>
    BadRequest,

    /// <summary>Challenge, binding, verification or appraisal failed.</summary>
    AttestationError,

    /// <summary>No token.</summary>
    TokenNotFound,

    /// <summary>Not a token of this authority, or over.</summary>
    TokenVerifierError,

    /// <summary>Enclave, measurement, platform or KEK was revoked.</summary>
    LeaseRevoked,

    /// <summary>Authentic and accepted, but not for this KEK.</summary>
    PolicyDeny,

    /// <summary>No such KEK or version for this cluster.</summary>
    KekNotFound,

    /// <summary>No such route.</summary>
    InvalidRequestPath,

    /// <summary>Overloaded, or the database or key store does not answer.</summary>
    Busy,
}
