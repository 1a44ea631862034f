namespace Cloister.Enclave.Rpc;

/// <summary>gRPC status codes that this program answers with. Source: gRPC, "Status codes and their use".</summary>
public enum StatusCode
{
    /// <summary>Done.</summary>
    Ok = 0,

    /// <summary>The caller gave up.</summary>
    Cancelled = 1,

    /// <summary>The request is wrong and will stay wrong.</summary>
    InvalidArgument = 3,

    /// <summary>The time that the caller allows is over.</summary>
    DeadlineExceeded = 4,

    /// <summary>There is no such key.</summary>
    NotFound = 5,

    /// <summary>The caller may not, or it is not served to anybody here.</summary>
    PermissionDenied = 7,

    /// <summary>Too large, or too many.</summary>
    ResourceExhausted = 8,

    /// <summary>Something has to be done first; the message says what.</summary>
    FailedPrecondition = 9,

    /// <summary>No such method, or no such encoding.</summary>
    Unimplemented = 12,

    /// <summary>A fault of this program.</summary>
    Internal = 13,

    /// <summary>Try again later.</summary>
    Unavailable = 14,

    /// <summary>What is stored, or who keeps it, is not as it must be. No client takes it as a reason to repeat the call.</summary>
    DataLoss = 15,
}
