using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json.Nodes;

namespace Cloister.Cli.Etcd.Rotate;

/// <summary>
/// How far a rotation is, from what nodes and etcd say now: nothing is kept between two runs, so whatever interrupted one does not matter. Stage and conditions are
/// named as operators of clusters name theirs.
/// </summary>
/// <param name="Nodes">KMS sockets, the key_id that writes use there (null: it gave none), and why not.</param>
/// <param name="Current">The key_id of all nodes; null while they differ.</param>
/// <param name="Counts">Values of the provider in etcd by their key_id.</param>
/// <param name="Cluster">The cluster_id of etcd.</param>
/// <param name="Rate">Values a second that left older key_ids while it was looked twice; null when it was looked once.</param>
internal sealed record RotationStatus(
    IReadOnlyList<(string Socket, string? KeyId, string Problem)> Nodes, string? Current, IReadOnlyDictionary<string, long> Counts, ulong Cluster, double? Rate)
{
    /// <summary>Values under another key_id than writes use; null while nodes differ.</summary>
    internal long? Stale => Current is null ? null : Counts.Where(entry => entry.Key != Current).Sum(entry => entry.Value);

    internal bool Degraded => Nodes.Any(node => node.KeyId is null);

    /// <summary><c>Distributing</c>: nodes do not all write with one version; <c>Migrating</c>: older values are left; <c>Complete</c>.</summary>
    internal string Stage => Degraded ? "Degraded" : Current is null ? "Distributing" : Stale > 0 ? "Migrating" : "Complete";

    /// <summary>Seconds until nothing is stale at the rate that was seen; null when it cannot be told.</summary>
    internal double? SecondsLeft => Stale is { } stale && Rate is > 0 and { } rate ? stale / rate : Stale == 0 ? 0 : null;

    /// <summary>
    /// What a retirement of <paramref name="keyId"/> would rest on: SHA-256 of etcd's cluster, every node, the version that writes use and the one that goes. Another node, another
    /// cluster, another version in force: another hash.
    /// </summary>
    internal static string PlanHash(ulong cluster, IEnumerable<string> nodes, string current, string keyId)
    {
        string[] parts = ["cloister rotation plan v1", cluster.ToString(CultureInfo.InvariantCulture), current, keyId, .. nodes.Order(StringComparer.Ordinal)];
        StringBuilder text = new();
        foreach (string part in parts)
        {
            // With its length: no part can be taken for the end of one and the beginning of another.
            text.Append(Encoding.UTF8.GetByteCount(part)).Append(':').Append(part).Append('\n');
        }

        return $"sha256:{Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(text.ToString())))}";
    }

    internal JsonObject ToJson() => new()
    {
        ["stage"] = Stage,
        ["keyId"] = Current,
        ["nodes"] = new JsonArray([.. Nodes.Select(node => (JsonNode)new JsonObject { ["socket"] = node.Socket, ["keyId"] = node.KeyId, ["problem"] = node.Problem.Length == 0 ? null : node.Problem })]),
        ["stored"] = new JsonArray([.. Counts.OrderBy(entry => entry.Key, StringComparer.Ordinal).Select(entry => (JsonNode)new JsonObject { ["keyId"] = entry.Key, ["keys"] = entry.Value })]),
        ["stale"] = Stale,
        ["perSecond"] = Rate,
        ["secondsLeft"] = SecondsLeft,
        ["conditions"] = new JsonArray([.. Conditions().Select(condition => (JsonNode)new JsonObject
        {
            ["type"] = condition.Type, ["status"] = condition.Status, ["reason"] = condition.Reason, ["message"] = condition.Message,
        })]),
    };

    /// <summary>As a cluster operator's.</summary>
    internal IEnumerable<(string Type, string Status, string Reason, string Message)> Conditions()
    {
        string differ = string.Join("; ", Nodes.Select(node => $"{node.Socket}: {node.KeyId ?? node.Problem}"));
        yield return ("Available", Degraded ? "False" : "True", Degraded ? "NodeSilent" : "AsExpected", Degraded ? differ : "every node says which version writes use");
        yield return ("KeyConverged", Current is null ? "False" : "True", Current is null ? "KeyIdsDiffer" : "AsExpected", Current is null ? differ : $"every node writes with {Current}");
        yield return ("Progressing", Stage is "Distributing" or "Migrating" ? "True" : "False", Stage, Stage switch
        {
            "Migrating" => $"{Stale} values are under older versions: 'cloister etcd rewrap'",
            "Distributing" => "nodes do not all write with one version yet: the same 'cloister etcd rotate' again",
            _ => "",
        });
        yield return ("Migrated", Stale is null ? "Unknown" : Stale == 0 ? "True" : "False", Stale is null ? "KeyIdsDiffer" : Stale == 0 ? "AsExpected" : "StaleValues", "");
        yield return ("Degraded", Degraded ? "True" : "False", Degraded ? "NodeSilent" : "AsExpected", Degraded ? differ : "");
    }
}
