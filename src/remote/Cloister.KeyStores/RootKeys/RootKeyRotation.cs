using System.Security.Cryptography;

namespace Cloister.KeyStores.RootKeys;

/// <summary>
/// Wraps everything by a new root key, while brokers serve. Each step is one transaction: whenever it stops, doing it again goes on where it was, and until
/// the end both root keys are needed. Source: docs/operations.md, "Rotate the root key". secrets: keys in pinned memory, wiped.
/// </summary>
public sealed class RootKeyRotation
{
    private const int BatchSize = 100;

    private readonly WrappedKeys _keys;
    private readonly IRootKey _next;

    /// <summary>A rotation to a root key that is among those that the wrapped keys were unlocked with.</summary>
    public RootKeyRotation(WrappedKeys keys, IRootKey next) => (_keys, _next) = (keys, next);

    /// <summary>Makes the new root key the current one, wraps everything by it, and forgets the old one.</summary>
    /// <returns>How many keys were wrapped now: none when it was done already.</returns>
    /// <exception cref="KeyStoreException">
    /// Unavailable or denied: try again; damaged: a root key is missing, or a key does not open, which is named; exists: another rotation is under way.
    /// </exception>
    public async Task<long> RunAsync(CancellationToken cancellation)
    {
        long id = await BeginAsync(cancellation);
        long count = 0;
        do
        {
            // What a broker wrapped by the old one just before the new one was current comes to light in the next round.
            while (await _keys.Table.NotUnderAsync(id, BatchSize, cancellation) is { Length: > 0 } rows)
            {
                foreach (WrappedRow row in rows)
                {
                    await RewrapAsync(row, id, cancellation);
                    count++;
                }
            }
        }
        while (!await _keys.Table.ForgetAsync(cancellation));

        await _keys.Table.ScrubAsync(cancellation);
        return count;
    }

    private async Task<long> BeginAsync(CancellationToken cancellation)
    {
        RootRow[] rows = await _keys.Table.RootsAsync(cancellation);
        RootRow current = rows.Single(row => row.IsCurrent);
        if (await _keys.Roots.NumberOfAsync(_next, cancellation) is { } known)
        {
            return known == current.Id ? known : throw new KeyStoreException(KeyStoreFailure.Exists, "the new root key is the one that is being replaced");
        }

        if (rows.Length > 1)
        {
            throw new KeyStoreException(KeyStoreFailure.Exists, "a rotation to another root key is under way: end that one first, with the configuration that it began with");
        }

        // Without the old one nothing would open.
        await _keys.Roots.OfAsync(current.Id, cancellation);
        long next = current.Id + 1;
        return await _keys.Table.SucceedAsync(current.Id, new RootRow { Id = next, Proof = RootKeyRing.ProofOf(_next, next) }, cancellation)
            ? next
            : await BeginAsync(cancellation);
    }

    private async Task RewrapAsync(WrappedRow row, long id, CancellationToken cancellation)
    {
        byte[] aad = row.Called.Aad();
        byte[] key = GC.AllocateArray<byte>(WrappedKeys.KeySize, pinned: true);
        byte[] again = GC.AllocateArray<byte>(WrappedKeys.KeySize, pinned: true);
        try
        {
            (await _keys.Roots.OfAsync(row.Root, cancellation)).Unwrap(row.Wrapped, aad, key);
            byte[] wrapped = _next.Wrap(key, aad);

            // The old one is overwritten only with what is known to open.
            _next.Unwrap(wrapped, aad, again);
            if (!CryptographicOperations.FixedTimeEquals(key, again))
            {
                throw new KeyStoreException(KeyStoreFailure.Damaged, "the new root key does not open what it wrapped: nothing was overwritten");
            }

            await _keys.Table.ReplaceAsync(row, new WrappedRow { Kind = row.Kind, Name = row.Name, Root = id, Wrapped = wrapped }, cancellation);
        }
        catch (KeyStoreException e) when (e.Failure == KeyStoreFailure.Damaged)
        {
            throw new KeyStoreException(KeyStoreFailure.Damaged, $"{row.Kind} {row.Name}: {e.Message}", e);
        }
        finally
        {
            CryptographicOperations.ZeroMemory(key);
            CryptographicOperations.ZeroMemory(again);
        }
    }
}
