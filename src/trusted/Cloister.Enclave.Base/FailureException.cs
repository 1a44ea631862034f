namespace Cloister.Enclave.Base;

/// <summary>What kind of failure a caller is told of, whatever the way it called. Source: the wire maps them to gRPC's codes.</summary>
public enum FailureKind
{
    /// <summary>The caller gave up.</summary>
    Cancelled,

    /// <summary>The request is wrong and will stay wrong.</summary>
    Invalid,

    /// <summary>The time that the caller allows is over.</summary>
    TimedOut,

    /// <summary>There is no such key.</summary>
    NotFound,

    /// <summary>The caller may not, or it is not served to anybody here.</summary>
    NotAllowed,

    /// <summary>Too large, or too many.</summary>
    LimitReached,

    /// <summary>Something has to be done first; the message says what.</summary>
    NotReady,

    /// <summary>No such method, or no such encoding.</summary>
    NotSupported,

    /// <summary>A fault of this program.</summary>
    Fault,

    /// <summary>Try again later.</summary>
    Unavailable,

    /// <summary>What is stored, or who keeps it, is not as it must be. No client takes it as a reason to repeat the call.</summary>
    Damaged,
}

/// <summary>
/// A call that fails in a way the caller is told of. The message is written for the caller: what is wrong and what to do; never secret bytes, never the
/// text of another exception.
/// </summary>
/// <param name="kind">What kind.</param>
/// <param name="message">What is wrong and what to do.</param>
public sealed class FailureException(FailureKind kind, string message) : Exception(message)
{
    /// <summary>What kind.</summary>
    public FailureKind Kind => kind;

    /// <summary>The UUID that an API server gave the request, for the log; empty when it gave none.</summary>
    public string RequestUid { get; set; } = "";
}
