using Cloister.Contracts.Keys;
using Cloister.Enclave.Base;
using Cloister.Enclave.Keys.Envelope;

namespace Cloister.Enclave.Custody;

/// <summary>A remote KMS that did not do what was asked. The detail is for operators: no secrets.</summary>
public sealed class RemoteKmsException : Exception
{
    /// <summary>Makes the failure.</summary>
    public RemoteKmsException(RemoteKmsFailure failure, string detail)
        : base(detail)
    {
        Failure = failure;
    }

    /// <summary>Why.</summary>
    public RemoteKmsFailure Failure { get; }

    /// <summary>The failure as a caller of the enclave sees it.</summary>
    internal FailureException ToRpc(KeyFingerprint kek) => Failure switch
    {
        RemoteKmsFailure.NotAuthentic => EdekFailure.NotAuthentic(),
        RemoteKmsFailure.UnknownKek => new FailureException(FailureKind.NotFound, $"the remote KMS has no KEK {kek}: restore that version there, values written with it cannot be read without it"),
        RemoteKmsFailure.Denied => new FailureException(FailureKind.NotReady, $"the remote KMS does not allow this enclave to use KEK {kek}: {Message}"),
        _ => new FailureException(FailureKind.Unavailable, $"no answer of the remote KMS: {Message}"),
    };
}
