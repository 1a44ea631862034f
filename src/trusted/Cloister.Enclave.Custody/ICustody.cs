using Cloister.Contracts.Envelope;
using Cloister.Contracts.Keys;
using Cloister.Enclave.Base;
using Cloister.Enclave.Custody.Leases;

namespace Cloister.Enclave.Custody;

/// <summary>Where KEKs are kept and who uses them. secrets: plaintexts pass through.</summary>
public interface ICustody : IAsyncDisposable
{
    /// <summary>The name in the configuration.</summary>
    string Name { get; }

    /// <summary>The lease of a broker that the KEKs are used under, or null when this custody needs none.</summary>
    LeaseReport? Lease => null;

    /// <summary>Leases of KEKs that rules name for namespaces, besides <see cref="Lease"/>.</summary>
    IReadOnlyList<LeaseReport> MoreLeases => [];

    /// <summary>Where the gateway's serving certificate can come from, or null when this custody uses no broker.</summary>
    LeaseSource? Certificates => null;

    /// <summary>What Status answers now.</summary>
    CustodyStatus Status { get; }

    /// <summary>True until it is first known whether there is a KEK.</summary>
    bool IsPending => false;

    /// <summary>True when some KEK is here for writes, not only the default one: a value under a KEK that is not here then is not readable; else none is.</summary>
    bool HasKeks => Status.KeyId is not null;

    /// <summary>The custody of a KEK that a rule names for namespaces: its Status and encryptions are of that KEK.</summary>
    /// <exception cref="InvalidOperationException">No rule names it, or this custody has one KEK only; the configuration's reader refuses such rules.</exception>
    ICustody Under(string kek) => throw new InvalidOperationException($"custody {Name} has no KEKs by name");

    /// <summary>True while what a KEK protects may be read. Whoever keeps what was unwrapped with it has to wipe that when this turns false.</summary>
    bool Holds(KeyFingerprint kek) => Status.KeyId is not null;

    /// <summary>Something needs a KEK that is not here: where KEKs come from elsewhere, it is asked for what there is now.</summary>
    void RenewSoon()
    {
    }

    /// <summary>Makes an EDEK under the active KEK.</summary>
    /// <param name="plaintext">What to protect.</param>
    /// <param name="edek">Where to write it: at least <see cref="Edek.MaxSize"/> bytes.</param>
    /// <param name="cancellation">Given up by the caller, or its deadline.</param>
    /// <exception cref="FailureException">NotReady or Unavailable without a KEK; Invalid for a plaintext that does not fit.</exception>
    ValueTask<EncryptResult> EncryptAsync(ReadOnlyMemory<byte> plaintext, Memory<byte> edek, CancellationToken cancellation);

    /// <summary>Opens an EDEK.</summary>
    /// <param name="kek">The KEK that the EDEK names.</param>
    /// <param name="edek">A well-formed EDEK.</param>
    /// <param name="plaintext">Where to write it: at least <see cref="Edek.MaxSize"/> bytes.</param>
    /// <param name="cancellation">Given up by the caller, or its deadline.</param>
    /// <returns>Bytes of the plaintext.</returns>
    /// <exception cref="FailureException">NotFound for a KEK that is not here; Invalid when it does not authenticate.</exception>
    ValueTask<int> DecryptAsync(KeyFingerprint kek, ReadOnlyMemory<byte> edek, Memory<byte> plaintext, CancellationToken cancellation);
}
