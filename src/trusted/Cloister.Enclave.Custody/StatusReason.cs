namespace Cloister.Enclave.Custody;

/// <summary>Why Status is as it is, in a word, for metrics. secrets: none.</summary>
public enum StatusReason
{
    /// <summary>Nothing is wrong.</summary>
    Ok,

    /// <summary>No KEK was given to it, or none is active.</summary>
    NoKek,

    /// <summary>The broker has no active version of the KEK.</summary>
    NoActiveVersion,

    /// <summary>No broker gave a lease yet, or each refuses.</summary>
    NoLease,

    /// <summary>The lease is over and was not renewed.</summary>
    LeaseOver,

    /// <summary>The broker revoked it.</summary>
    Revoked,

    /// <summary>Every encryption of the lease was made.</summary>
    NoWraps,

    /// <summary>Every decryption of the lease was made; writes go on.</summary>
    NoUnwraps,

    /// <summary>The policy releases no KEK to this custody.</summary>
    NotReleased,

    /// <summary>The remote KMS refuses.</summary>
    KmsRefuses,

    /// <summary>The remote KMS does not answer.</summary>
    KmsSilent,

    /// <summary>A fault of this program.</summary>
    Fault,
}
