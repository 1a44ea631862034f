using System.Security.Cryptography;
using Cloister.AdminApi;
using Cloister.Release;

namespace Cloister.Broker.Administration.Tests.Http;

/// <summary>Keepers of shares, each with a key.</summary>
internal sealed class Keepers : IDisposable
{
    private readonly Dictionary<string, ECDiffieHellman> _keys = [];

    internal Keepers(int count)
    {
        for (int i = 0; i < count; i++)
        {
            ECDiffieHellman key = ECDiffieHellman.Create(ECCurve.NamedCurves.nistP256);
            _keys.Add(KeeperKey.Parse(key.ExportSubjectPublicKeyInfoPem()).Pin, key);
        }
    }

    /// <summary>Public keys, PEM.</summary>
    internal string[] Keys => [.. _keys.Values.Select(key => key.ExportSubjectPublicKeyInfoPem())];

    internal IEnumerable<string> Pins => _keys.Keys.Order(StringComparer.Ordinal);

    internal ExportKekRequest Request(int threshold, string? approve = null) => new(threshold, Keys, approve);

    /// <summary>Every share, opened by its keeper.</summary>
    internal IReadOnlyList<string> Open(IReadOnlyList<SealedRecoveryShare> shares) => [.. shares.Select(share => SealedShare.Open(share.Share, _keys[share.Keeper]))];

    /// <summary>A share, opened with the key of a keeper.</summary>
    internal string Open(SealedRecoveryShare share, string keeper) => SealedShare.Open(share.Share, _keys[keeper]);

    /// <summary>Exports, and has every keeper open his.</summary>
    internal static async Task<IReadOnlyList<string>> ExportAsync(AdministrationServer server, string kek, int version, int threshold, int count)
    {
        using Keepers keepers = new(count);
        return keepers.Open((await server.Bob.ExportAsync(kek, version, keepers.Request(threshold), TestContext.Current.CancellationToken)).Done!.Shares);
    }

    public void Dispose()
    {
        foreach (ECDiffieHellman key in _keys.Values)
        {
            key.Dispose();
        }
    }
}
