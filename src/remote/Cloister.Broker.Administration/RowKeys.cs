using System.Security.Cryptography;
using Cloister.Broker.State;
using Cloister.Broker.State.Rows;
using Cloister.KeyStores;
using Cloister.KeyStores.RootKeys;

namespace Cloister.Broker.Administration;

/// <summary>The key that authenticates rows of the database, among what the root key wraps. secrets: the key passes.</summary>
public static class RowKeys
{
    private static readonly WrappedName Name = WrappedName.OfKey(FormattableString.Invariant($"row-key-{RowKey.Version}"));

    /// <summary>The key of a database that has one.</summary>
    /// <exception cref="KeyStoreException">The root key does not answer, or is another one.</exception>
    /// <exception cref="BrokerStateException">Not authentic: there is none.</exception>
    public static async Task<RowKey> FindAsync(WrappedKeys keys, CancellationToken cancellation) => await keys.FindAsync(Name, key => new RowKey(key), cancellation)
        ?? throw new BrokerStateException(BrokerStateError.NotAuthentic, "the key that authenticates the database's rows was removed from it: restore a backup, or look at what there is and accept it with 'cloister-broker --config FILE --accept-rows'");

    /// <summary>The key of a database, made where there is none.</summary>
    /// <exception cref="KeyStoreException">The root key does not answer, or is another one.</exception>
    public static Task<RowKey> OpenOrMakeAsync(WrappedKeys keys, CancellationToken cancellation) =>
        keys.OpenOrMakeAsync(Name, RandomNumberGenerator.Fill, key => new RowKey(key), cancellation);
}
