using Cloister.Contracts.Keys;

namespace Cloister.KeyStores;

/// <summary>Limits and failures that all stores have in common.</summary>
internal static class StoreItems
{
    public const int KekSize = 32;
    private const int MaxItemSize = 4096;

    /// <exception cref="ArgumentException">An item to wrap has not 1 to 4096 bytes.</exception>
    public static void CheckForWrap(IReadOnlyList<ReadOnlyMemory<byte>> items)
    {
        foreach (ReadOnlyMemory<byte> item in items)
        {
            if (item.Length is 0 or > MaxItemSize)
            {
                throw new ArgumentException($"an item to wrap has 1 to {MaxItemSize} bytes", nameof(items));
            }
        }
    }

    /// <exception cref="ArgumentException">Not 32 bytes.</exception>
    public static void CheckKek(int length)
    {
        if (length != KekSize)
        {
            throw new ArgumentException($"a KEK has {KekSize} bytes");
        }
    }

    public static KeyStoreException Unknown(KekIdentity kek) => new(KeyStoreFailure.Unknown, $"the key store has no KEK {kek.Fingerprint()}");

    public static KeyStoreException Exists(KekIdentity kek) => new(KeyStoreFailure.Exists, $"the key store has a KEK {kek.Fingerprint()} already");

    public static KeyStoreException NoImport(string kind) => new(KeyStoreFailure.Denied, $"a key store of kind {kind} takes no KEK in");

    public static KeyStoreException NoRelease(string kind) => new(KeyStoreFailure.Denied, $"a key store of kind {kind} releases no KEK");
}
