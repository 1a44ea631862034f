using System.Text.Json.Nodes;
using Cloister.AdminApi;
using Cloister.Recovery;
using Cloister.Release;

namespace Cloister.Broker.Administration.Recovery;

/// <summary>Those whom shares are sealed to, in the order of the pins of their keys, whatever order they were given in. secrets: none.</summary>
public sealed class ShareKeepers
{
    private const int Most = 255;

    private readonly KeeperKey[] _keys;

    private ShareKeepers(KeeperKey[] keys) => _keys = keys;

    /// <summary>How many.</summary>
    public int Count => _keys.Length;

    /// <summary>Reads public keys in PEM.</summary>
    /// <exception cref="AdministrationException">One is none, one comes twice, or there are too many.</exception>
    public static ShareKeepers Parse(IReadOnlyList<string> keepers)
    {
        if (keepers.Count is < 2 or > Most)
        {
            throw Bad($"keepers: 2 to {Most} public keys, one share for each");
        }

        try
        {
            KeeperKey[] keys = [.. keepers.Select(KeeperKey.Parse).OrderBy(key => key.Pin, StringComparer.Ordinal)];
            return keys.DistinctBy(key => key.Pin).Count() == keys.Length ? new ShareKeepers(keys) : throw Bad("keepers: one key comes twice: nobody may have two shares");
        }
        catch (FormatException e)
        {
            throw Bad($"keepers: {e.Message}");
        }
    }

    /// <summary>For requests and the log.</summary>
    public JsonArray Pins() => [.. _keys.Select(key => JsonValue.Create(key.Pin))];

    /// <exception cref="AdministrationException">Not 2 to all of them.</exception>
    internal void RequireThreshold(int threshold)
    {
        if (threshold < 2 || threshold > Count)
        {
            throw Bad($"threshold: of {Count} shares, at least 2 and at most all restore a key");
        }
    }

    /// <summary>Seals each share to one keeper.</summary>
    internal IReadOnlyList<SealedRecoveryShare> Seal(IEnumerable<RecoveryShare> shares) =>
        [.. shares.Zip(_keys, (share, key) => new SealedRecoveryShare(key.Pin, SealedShare.Seal(share.ToText(), key)))];

    private static AdministrationException Bad(string what) => new(what, AdministrationFailure.BadRequest);
}
