using System.Collections.Concurrent;
using System.Security.Cryptography;
using System.Text;

namespace Cloister.KeyStores.RootKeys;

/// <summary>The root keys that a configuration names: which is which is told by their proofs in the database. Thread-safe. secrets: as the root keys.</summary>
internal sealed class RootKeyRing(WrappedKeyTable table, IReadOnlyList<IRootKey> keys) : IDisposable
{
    private const int ProofSize = 32;
    private readonly ConcurrentDictionary<long, IRootKey> _known = new();

    /// <summary>The one that wraps what is new.</summary>
    /// <exception cref="KeyStoreException">Damaged: the configuration does not name it.</exception>
    public async Task<(long Id, IRootKey Key)> CurrentAsync(CancellationToken cancellation)
    {
        RootRow current = await CurrentRowAsync(cancellation);
        return (current.Id, await OfAsync(current.Id, cancellation));
    }

    /// <summary>The one of this number.</summary>
    /// <exception cref="KeyStoreException">Damaged: the configuration does not name it.</exception>
    public async Task<IRootKey> OfAsync(long id, CancellationToken cancellation)
    {
        if (_known.TryGetValue(id, out IRootKey? known))
        {
            return known;
        }

        RootRow? row = (await table.RootsAsync(cancellation)).FirstOrDefault(one => one.Id == id);
        IRootKey? found = row is null ? null : keys.FirstOrDefault(key => Proves(key, row));
        return found is null ? throw Missing(id) : _known.GetOrAdd(id, found);
    }

    /// <summary>The number of the last root key if it is this one, or null.</summary>
    public async Task<long?> NumberOfAsync(IRootKey key, CancellationToken cancellation) =>
        (await table.RootsAsync(cancellation)).LastOrDefault(row => Proves(key, row))?.Id;

    /// <summary>Whether it is among these.</summary>
    public bool Has(RootRow row) => keys.Any(key => Proves(key, row));

    /// <summary>Proves the first root key of a database, by opening what it wraps already.</summary>
    public async Task ProveFirstAsync(CancellationToken cancellation)
    {
        RootRow current = await CurrentRowAsync(cancellation);
        if (current.Proof is not null)
        {
            return;
        }

        WrappedRow? wrapped = await table.AnyAsync(cancellation);
        IRootKey key = wrapped is null ? keys[0] : keys.FirstOrDefault(one => Opens(one, wrapped.Wrapped, wrapped.Called.Aad())) ?? throw Missing(current.Id);

        // Another broker may be first: then its key is the one.
        await table.ProveAsync(current.Id, ProofOf(key, current.Id), cancellation);
    }

    /// <summary>A root key's proof.</summary>
    public static byte[] ProofOf(IRootKey key, long id) => key.Wrap(new byte[ProofSize], AadOf(id));

    /// <inheritdoc/>
    public void Dispose()
    {
        foreach (IRootKey key in keys)
        {
            key.Dispose();
        }
    }

    private async Task<RootRow> CurrentRowAsync(CancellationToken cancellation) =>
        (await table.RootsAsync(cancellation)).SingleOrDefault(row => row.IsCurrent)
            ?? throw new KeyStoreException(KeyStoreFailure.Damaged, "the database names no current root key, or several");

    private static bool Proves(IRootKey key, RootRow row) => row.Proof is { } proof && Opens(key, proof, AadOf(row.Id));

    private static bool Opens(IRootKey key, byte[] wrapped, byte[] aad)
    {
        byte[] opened = GC.AllocateArray<byte>(ProofSize, pinned: true);
        try
        {
            key.Unwrap(wrapped, aad, opened);
            return true;
        }
        catch (KeyStoreException e) when (e.Failure == KeyStoreFailure.Damaged)
        {
            return false;
        }
        finally
        {
            CryptographicOperations.ZeroMemory(opened);
        }
    }

    private static byte[] AadOf(long id) => Encoding.ASCII.GetBytes(FormattableString.Invariant($"cloister-root-key-v1 {id}"));

    private static KeyStoreException Missing(long id) => new(
        KeyStoreFailure.Damaged,
        FormattableString.Invariant($"keys of the database are wrapped by another root key than the configuration names, number {id} of those it had: put it back, or name both while it rotates (docs/operations.md, \"Rotate the root key\")"));
}
