using System.Security.Cryptography;
using System.Text.Json.Nodes;
using Cloister.Recovery;
using Cloister.Release;

namespace Cloister.Attacks.Framework;

/// <summary>Keepers of recovery shares, each with a key.</summary>
internal sealed class ShareKeepers : IDisposable
{
    private readonly ECDiffieHellman[] _keys;

    public ShareKeepers(int count) => _keys = [.. Enumerable.Range(0, count).Select(_ => ECDiffieHellman.Create(ECCurve.NamedCurves.nistP256))];

    /// <summary>Public keys, PEM.</summary>
    public string[] Keys => [.. _keys.Select(key => key.ExportSubjectPublicKeyInfoPem())];

    /// <summary>Every share of an export's answer, opened by its keeper.</summary>
    public RecoveryShare[] Open(JsonNode answer) => [.. answer["shares"]!.AsArray().Select(share => Open((string)share!["share"]!, KeyOf((string)share["keeper"]!)))];

    /// <summary>A share, opened with a keeper's key.</summary>
    /// <exception cref="FormatException">It is another keeper's.</exception>
    public static RecoveryShare Open(string share, ECDiffieHellman key) => RecoveryShare.Parse(SealedShare.Open(share, key));

    public ECDiffieHellman KeyOf(string pin) => _keys.Single(key => KeeperKey.Parse(key.ExportSubjectPublicKeyInfoPem()).Pin == pin);

    public void Dispose()
    {
        foreach (ECDiffieHellman key in _keys)
        {
            key.Dispose();
        }
    }
}
