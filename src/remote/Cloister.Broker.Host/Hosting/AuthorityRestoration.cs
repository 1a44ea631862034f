using System.Security.Cryptography;
using System.Text.Json.Nodes;
using Cloister.Broker.Host.Audit;
using Cloister.Broker.Host.Configuration;
using Cloister.Broker.State;
using Cloister.Broker.State.Audit;
using Cloister.Broker.Tokens;
using Cloister.KeyStores.RootKeys;
using Cloister.Recovery;

namespace Cloister.Broker.Host.Hosting;

/// <summary>
/// <c>--restore-authority</c>: puts the authority's key that recovery shares restore into an empty database, before a broker's first start on it.
/// Enclaves then know the broker by the pin they have, and KEKs restored from shares have the key_ids they had (docs/operations.md).
/// secrets: the shares as texts, the key in pinned memory, wiped.
/// </summary>
internal static class AuthorityRestoration
{
    private const int MaxLength = 1024 * 1024;

    /// <summary>Restores.</summary>
    /// <param name="configuration">Where the database and the root key are.</param>
    /// <param name="files">Files with shares; none: they are on standard input.</param>
    /// <param name="clock">What time it is.</param>
    /// <param name="cancellation">Stops waiting.</param>
    /// <returns><c>restored authority ID pin sha256:...</c>.</returns>
    /// <exception cref="RecoveryShareException">The shares do not restore an authority's key.</exception>
    /// <exception cref="BrokerStateException">The database does not answer, or has an authority.</exception>
    /// <exception cref="KeyStores.KeyStoreException">The root key does not answer.</exception>
    /// <exception cref="IOException">A file cannot be read.</exception>
    public static async Task<string> RunAsync(BrokerConfiguration configuration, IReadOnlyList<string> files, TimeProvider clock, CancellationToken cancellation)
    {
        List<RecoveryShare> shares = [];
        foreach (TextReader reader in files.Count == 0 ? [Console.In] : files.Select(File.OpenText).ToArray<TextReader>())
        {
            using (reader)
            {
                shares.AddRange(RecoveryShare.ParseAll(Read(reader)));
            }
        }

        byte[] key = GC.AllocateArray<byte>(RecoveryShares.KekSize, pinned: true);
        try
        {
            string id = RecoveryShares.CombineAuthority(shares, key);
            using BrokerAuthority authority = Check(id, key);
            if (shares.FirstOrDefault(share => !share.IsSignedBy(authority)) is { } other)
            {
                throw new RecoveryShareException($"share {other.X} of set {other.SetId} is not signed with the key that the shares restore: it is forged, or of before shares were signed");
            }

            await using SqlBrokerState state = await SqlBrokerState.OpenAsync(DatabaseAddress.Parse(configuration.Database), clock, cancellation);
            await StoreAsync(state, configuration, authority, key, cancellation);


            // The log begins anew, and under a name of its own: what is remembered is of the one that was lost.
            await AuditOrigin.RenewAsync(state, authority.Id, clock.GetUtcNow(), cancellation);
            HeadMemory.Of(configuration, authority.Id).Forget();
            return $"restored authority {authority.Id} pin {authority.Pin}";
        }
        finally
        {
            CryptographicOperations.ZeroMemory(key);
        }
    }

    private static async Task StoreAsync(SqlBrokerState state, BrokerConfiguration configuration, BrokerAuthority authority, byte[] key, CancellationToken cancellation)
    {
        // The root key is made only where nothing is wrapped. Another broker may be the first to start meanwhile.
        await using WrappedKeys wrapped = await BrokerKeys.OpenWrappedAsync(configuration, state, cancellation);
        bool isEmpty = await wrapped.IsEmptyAsync(cancellation) && await RestoreAsync(state, wrapped, key, cancellation);
        JsonObject details = new() { ["authority"] = authority.Id, ["result"] = isEmpty ? "done" : "refused" };
        await state.AppendAsync(new AuditEvent("authority.restore", details), CancellationToken.None);
        if (!isEmpty)
        {
            throw new BrokerStateException(
                BrokerStateError.Exists, "the database has an authority already: nothing was changed. An authority is restored into an empty database, before the first start");
        }
    }

    // Rows first: where there is an authority, their key and the chain of their changes have to be there.
    private static async Task<bool> RestoreAsync(SqlBrokerState state, WrappedKeys wrapped, byte[] key, CancellationToken cancellation)
    {
        (await AuthorityKeys.OpenRowsAsync(state, wrapped, cancellation)).Key.Dispose();
        return await AuthorityKeys.RestoreAuthorityAsync(wrapped, key, cancellation);
    }

    /// <exception cref="RecoveryShareException">The key is not that authority's.</exception>
    private static BrokerAuthority Check(string id, byte[] key)
    {
        BrokerAuthority? authority = null;
        try
        {
            authority = new BrokerAuthority(AuthorityKeys.KeyOf(key));
        }
        catch (CryptographicException)
        {
            // No number of the curve: nobody's key.
        }

        if (authority?.Id == id)
        {
            return authority;
        }

        authority?.Dispose();
        throw new RecoveryShareException($"the shares restore a key that is not the one of authority {id}: they were made up");
    }

    private static string Read(TextReader reader)
    {
        char[] text = new char[MaxLength];
        int length = reader.ReadBlock(text);
        return length < MaxLength ? new string(text, 0, length) : throw new RecoveryShareException("that is more text than shares can be");
    }
}
