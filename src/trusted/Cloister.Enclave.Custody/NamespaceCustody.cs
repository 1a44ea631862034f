using Cloister.Contracts.Keys;
using Cloister.Enclave.Base;
using Cloister.Enclave.Custody.Leases;

namespace Cloister.Enclave.Custody;

/// <summary>
/// A custody for the default KEK and one for each KEK that rules name for namespaces: each with its own lease, so that one that is not
/// released stops nothing but its own. Reads find the KEK by what the EDEK names. secrets: plaintexts pass through.
/// </summary>
public sealed class NamespaceCustody : ICustody
{
    private readonly ICustody _default;
    private readonly IReadOnlyDictionary<string, ICustody> _named;
    private readonly ICustody[] _all;

    /// <summary>Joins custodies, which it owns from now on.</summary>
    /// <param name="custody">That of the default KEK.</param>
    /// <param name="named">By name of the KEK; may hold the default one again.</param>
    public NamespaceCustody(ICustody custody, IReadOnlyDictionary<string, ICustody> named)
    {
        _default = custody;
        _named = named;
        _all = [.. named.Values.Prepend(custody).Distinct()];
    }

    /// <inheritdoc/>
    public string Name => _default.Name;

    /// <inheritdoc/>
    public LeaseReport? Lease => _default.Lease;

    /// <inheritdoc/>
    public IReadOnlyList<LeaseReport> MoreLeases => [.. _all.Skip(1).Select(custody => custody.Lease).OfType<LeaseReport>()];

    /// <inheritdoc/>
    public LeaseSource? Certificates => _default.Certificates;

    /// <inheritdoc/>
    public CustodyStatus Status => _default.Status;

    /// <inheritdoc/>
    public bool HasKeks => Array.Exists(_all, custody => custody.HasKeks);

    /// <inheritdoc/>
    public ICustody Under(string kek) => _named.TryGetValue(kek, out ICustody? custody) ? custody : throw new InvalidOperationException($"no rule names KEK {kek}");

    /// <inheritdoc/>
    public bool Holds(KeyFingerprint kek) => Find(kek) is not null;

    /// <inheritdoc/>
    public void RenewSoon() => Array.ForEach(_all, custody => custody.RenewSoon());

    /// <inheritdoc/>
    public ValueTask<EncryptResult> EncryptAsync(ReadOnlyMemory<byte> plaintext, Memory<byte> edek, CancellationToken cancellation) =>
        _default.EncryptAsync(plaintext, edek, cancellation);

    /// <inheritdoc/>
    public ValueTask<int> DecryptAsync(KeyFingerprint kek, ReadOnlyMemory<byte> edek, Memory<byte> plaintext, CancellationToken cancellation)
    {
        if (Find(kek) is { } custody)
        {
            return custody.DecryptAsync(kek, edek, plaintext, cancellation);
        }

        // At start, before brokers answered for every KEK: what is not here yet may come in a moment.
        CustodyStatus? pending = HasKeks ? Array.Find(_all, one => one.IsPending)?.Status : _default.Status;
        throw pending is { KeyId: null }
            ? pending.ToException()
            : new FailureException(FailureKind.NotFound, $"KEK {kek} is not here: 'cloister kek list' shows which leases there are and why others are not; values written with it cannot be read without it");
    }

    /// <summary>Gives every lease up, all at the same time: they share the attested key.</summary>
    public async ValueTask DisposeAsync() => await Task.WhenAll(_all.Select(custody => custody.DisposeAsync().AsTask()));

    // For every value that is read: no closure.
    private ICustody? Find(KeyFingerprint kek)
    {
        foreach (ICustody custody in _all)
        {
            if (custody.Holds(kek))
            {
                return custody;
            }
        }

        return null;
    }
}
