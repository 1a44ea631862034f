using Cloister.Enclave.Base;

namespace Cloister.Enclave.Wire.Grpc;

/// <summary>gRPC status codes that this program answers with. Source: gRPC, "Status codes and their use".</summary>
internal enum GrpcStatus
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

/// <summary>The one place where failures become gRPC's codes.</summary>
internal static class GrpcStatuses
{
    /// <summary>Names of all codes, by number; empty for those that this program does not answer with.</summary>
    internal static readonly string[] Names = [.. Enumerable.Range(0, (int)GrpcStatus.DataLoss + 1).Select(code => Enum.GetName((GrpcStatus)code) ?? "")];

    /// <summary>The name of the code for a failure.</summary>
    internal static string Name(FailureKind kind) => Names[(int)Of(kind)];

    /// <summary>The code for a failure.</summary>
    internal static GrpcStatus Of(FailureKind kind) => kind switch
    {
        FailureKind.Cancelled => GrpcStatus.Cancelled,
        FailureKind.Invalid => GrpcStatus.InvalidArgument,
        FailureKind.TimedOut => GrpcStatus.DeadlineExceeded,
        FailureKind.NotFound => GrpcStatus.NotFound,
        FailureKind.NotAllowed => GrpcStatus.PermissionDenied,
        FailureKind.LimitReached => GrpcStatus.ResourceExhausted,
        FailureKind.NotReady => GrpcStatus.FailedPrecondition,
        FailureKind.NotSupported => GrpcStatus.Unimplemented,
        FailureKind.Unavailable => GrpcStatus.Unavailable,
        FailureKind.Damaged => GrpcStatus.DataLoss,
        _ => GrpcStatus.Internal,
    };
}
