using Cloister.Contracts.Keys;
using Cloister.Enclave.Base;

namespace Cloister.Enclave.Custody;

/// <summary>What Status answers at one moment, immutable. secrets: none.</summary>
/// <param name="KeyId">The KEK that writes use, or null when writes are not possible.</param>
/// <param name="Healthz">Exactly <c>ok</c>, or what is wrong and what to do.</param>
/// <param name="ErrorCode">The gRPC status of Status itself when <paramref name="KeyId"/> is null.</param>
/// <param name="Reason">The same in a word.</param>
public sealed record CustodyStatus(string? KeyId, string Healthz, FailureKind ErrorCode = FailureKind.NotReady, StatusReason Reason = StatusReason.Ok)
{
    /// <summary>The healthz text of a plugin that works.</summary>
    public const string Ok = "ok";

    /// <summary>Writes use that KEK and nothing is wrong.</summary>
    public static CustodyStatus Ready(KeyFingerprint kek) => new(Contracts.Keys.KeyId.Format(kek), Ok);

    /// <summary>Writes are not possible: Status is a gRPC error, since a healthz text alone does not stop an API server from writing.</summary>
    public static CustodyStatus Unavailable(StatusReason reason, FailureKind code, string whatToDo) => new(null, whatToDo, code, reason);

    /// <summary>The error for a call that needs a KEK.</summary>
    public FailureException ToException() => new(ErrorCode, Healthz);
}
