using System.Security.Cryptography;
using Cloister.Broker.Administration;
using Cloister.Broker.Challenges;
using Cloister.Broker.State;
using Cloister.Broker.State.Rows;
using Cloister.Broker.Tokens;
using Cloister.KeyStores.RootKeys;

namespace Cloister.Broker.Host.Hosting;

/// <summary>
/// The keys that all brokers of a database share, each of a name of its own among the wrapped keys. The first broker to start makes them.
/// secrets: authority key and challenge key, in clear here only while they are read or made.
/// </summary>
internal static class AuthorityKeys
{
    // The name that the authority's key has since rows are authenticated. Where it has it, no row is taken for what it is any more: whoever removes the
    // rows' key and the chain of their changes finds brokers that do not start, unless he removes the authority's too, which enclaves and KEKs know.
    private static readonly WrappedName Authority = WrappedName.OfKey("authority");
    private static readonly WrappedName FormerAuthority = WrappedName.OfKey("authority-key");
    private static readonly WrappedName Challenge = WrappedName.OfKey("challenge-key");

    /// <summary>Moves what earlier versions kept among the settings to the wrapped keys.</summary>
    /// <exception cref="BrokerStateException">The database does not answer.</exception>
    /// <exception cref="KeyStores.KeyStoreException">The database does not answer.</exception>
    public static async Task AdoptAsync(ISettings settings, WrappedKeys keys, CancellationToken cancellation)
    {
        foreach (WrappedName name in new[] { FormerAuthority, Challenge })
        {
            if (await settings.FindSettingAsync(name.Name, cancellation) is { } wrapped)
            {
                await keys.AdoptAsync(name, wrapped, cancellation);
                await settings.RemoveSettingAsync(name.Name, cancellation);
            }
        }
    }

    /// <summary>The authority: its private scalar is what is wrapped.</summary>
    /// <exception cref="KeyStores.KeyStoreException">The root key does not answer, or is another one.</exception>
    public static async Task<BrokerAuthority> OpenAuthorityAsync(WrappedKeys keys, CancellationToken cancellation)
    {
        byte[]? former = await keys.FindAsync(FormerAuthority, PinnedCopy, cancellation);
        if (former is not null)
        {
            await keys.AddAsync(Authority, former, cancellation);
            await keys.DeleteAsync(FormerAuthority, cancellation);
            CryptographicOperations.ZeroMemory(former);
        }

        return await keys.OpenOrMakeAsync(Authority, NewScalar, AuthorityOf, cancellation);
    }

    /// <summary>The key that authenticates rows. Before the authority is opened: where that is new, or of an earlier version, the rows are taken for what they are.</summary>
    /// <returns>The key, and whether rows were taken over.</returns>
    /// <exception cref="KeyStores.KeyStoreException">The root key does not answer, or is another one.</exception>
    /// <exception cref="BrokerStateException">Not authentic: the key was removed.</exception>
    public static async Task<(RowKey Key, bool Adopted)> OpenRowsAsync(SqlBrokerState state, WrappedKeys keys, CancellationToken cancellation)
    {
        if (await keys.FindAsync(Authority, _ => true, cancellation))
        {
            return (await RowKeys.FindAsync(keys, cancellation), false);
        }

        RowKey key = await RowKeys.OpenOrMakeAsync(keys, cancellation);
        return (key, await state.AdoptRowsAsync(key, cancellation));
    }

    /// <summary>What challenges are sealed with.</summary>
    /// <exception cref="KeyStores.KeyStoreException">The root key does not answer, or is another one.</exception>
    public static Task<ChallengeSealer> OpenChallengesAsync(WrappedKeys keys, TimeProvider clock, CancellationToken cancellation) =>
        keys.OpenOrMakeAsync(Challenge, RandomNumberGenerator.Fill, key => new ChallengeSealer(key, clock), cancellation);

    /// <summary>Puts the key of an authority into a database that has none.</summary>
    /// <returns>False: the database has an authority, and nothing was changed.</returns>
    /// <exception cref="KeyStores.KeyStoreException">The root key does not answer.</exception>
    public static Task<bool> RestoreAuthorityAsync(WrappedKeys keys, ReadOnlyMemory<byte> key, CancellationToken cancellation) => keys.AddAsync(Authority, key, cancellation);

    /// <summary>The authority of this scalar.</summary>
    internal static BrokerAuthority AuthorityOf(byte[] key) => new(ECDsa.Create(new ECParameters { Curve = ECCurve.NamedCurves.nistP256, D = key }));

    private static byte[] PinnedCopy(byte[] key)
    {
        byte[] copy = GC.AllocateUninitializedArray<byte>(key.Length, pinned: true);
        key.CopyTo(copy, 0);
        return copy;
    }

    private static void NewScalar(Span<byte> key)
    {
        using ECDsa made = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        byte[] scalar = made.ExportParameters(includePrivateParameters: true).D!;
        scalar.CopyTo(key);
        CryptographicOperations.ZeroMemory(scalar);
    }
}
