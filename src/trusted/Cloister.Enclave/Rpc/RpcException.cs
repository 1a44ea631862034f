using Cloister.Contracts.Envelope;

namespace Cloister.Enclave.Rpc;

/// <summary>
/// A call that fails with a status the caller sees. The message is written for the caller: what is wrong and what to do; never
/// secret bytes, never the text of another exception.
/// </summary>
public sealed class RpcException : Exception
{
    /// <summary>Makes the failure.</summary>
    public RpcException(StatusCode code, string message)
        : base(message)
    {
        Code = code;
    }

    /// <summary>The gRPC status.</summary>
    public StatusCode Code { get; }

    /// <summary>The one answer to everything that does not authenticate: another cluster, provider or key, or changed bytes.</summary>
    internal static RpcException NotAuthentic() => new(
        StatusCode.InvalidArgument,
        "the ciphertext does not open: it was made for another cluster, provider or KEK, or it was changed; check that cluster and provider in the enclave's configuration are those it was written with");

    /// <summary>An EDEK that another custody wrote.</summary>
    internal static RpcException WrongSuite(EdekSuite suite, string custody) => new(
        StatusCode.InvalidArgument,
        $"the EDEK is of suite {(int)suite}, which custody {custody} does not open; it was written under another custody");
}
