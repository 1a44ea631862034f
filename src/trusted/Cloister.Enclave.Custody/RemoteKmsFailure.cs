namespace Cloister.Enclave.Custody;

/// <summary>Why a remote KMS did not do what was asked.</summary>
public enum RemoteKmsFailure
{
    /// <summary>It did not answer, or said to try again.</summary>
    Unavailable,

    /// <summary>It does not allow this enclave to use the KEK, or the KEK is disabled.</summary>
    Denied,

    /// <summary>It has no such KEK version.</summary>
    UnknownKek,

    /// <summary>The ciphertext is not authentic in this context.</summary>
    NotAuthentic,
}
