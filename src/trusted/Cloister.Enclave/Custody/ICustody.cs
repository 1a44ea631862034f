using Cloister.Contracts.Envelope;
using Cloister.Contracts.Keys;
using Cloister.Enclave.Broker;

namespace Cloister.Enclave.Custody;

/// <summary>Where KEKs are kept and who uses them. secrets: plaintexts pass through.</summary>
public interface ICustody : IAsyncDisposable
{
    /// <summary>The name in the configuration.</summary>
    string Name { get; }

    /// <summary>The lease of a broker that the KEKs are used under, or null when this custody needs none.</summary>
    LeaseReport? Lease => null;

    /// <summary>Where the gateway's serving certificate can come from, or null when this custody uses no broker.</summary>
    CertificateSource? Certificates => null;

    /// <summary>What Status answers now.</summary>
    CustodyStatus Status { get; }

    /// <summary>True while what a KEK protects may be read. Whoever keeps what was unwrapped with it has to wipe that when this turns false.</summary>
    bool Holds(KeyFingerprint kek) => Status.KeyId is not null;

    /// <summary>Makes an EDEK under the active KEK.</summary>
    /// <param name="plaintext">What to protect.</param>
    /// <param name="edek">Where to write it: at least <see cref="Edek.MaxSize"/> bytes.</param>
    /// <param name="cancellation">Given up by the caller, or its deadline.</param>
    /// <exception cref="Rpc.RpcException">FailedPrecondition or Unavailable without a KEK; InvalidArgument for a plaintext that does not fit.</exception>
    ValueTask<EncryptResult> EncryptAsync(ReadOnlyMemory<byte> plaintext, Memory<byte> edek, CancellationToken cancellation);

    /// <summary>Opens an EDEK.</summary>
    /// <param name="kek">The KEK that the EDEK names.</param>
    /// <param name="edek">A well-formed EDEK.</param>
    /// <param name="plaintext">Where to write it: at least <see cref="Edek.MaxSize"/> bytes.</param>
    /// <param name="cancellation">Given up by the caller, or its deadline.</param>
    /// <returns>Bytes of the plaintext.</returns>
    /// <exception cref="Rpc.RpcException">NotFound for a KEK that is not here; InvalidArgument when it does not authenticate.</exception>
    ValueTask<int> DecryptAsync(KeyFingerprint kek, ReadOnlyMemory<byte> edek, Memory<byte> plaintext, CancellationToken cancellation);
}
