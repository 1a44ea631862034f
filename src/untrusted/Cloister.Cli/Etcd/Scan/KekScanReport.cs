using System.Globalization;
using System.Text.Json.Nodes;

namespace Cloister.Cli.Etcd.Scan;

/// <summary>What a scan looked at and which KEKs it found. Its JSON is a part of <c>etcd coverage</c>'s, and what <c>--coverage</c> takes.</summary>
/// <param name="Uses">The KEKs.</param>
/// <param name="Prefix">Keys that begin with it; empty for all of etcd.</param>
/// <param name="ClusterId">etcd's cluster.</param>
/// <param name="MemberId">The member that answered.</param>
/// <param name="Revision">Values are as they were then.</param>
/// <param name="OldestRevision">History reaches back to it.</param>
/// <param name="InnerChecked">Whether an enclave looked for a second envelope inside.</param>
/// <param name="Time">When it began.</param>
internal sealed record KekScanReport(
    KekUses Uses, string Prefix, ulong ClusterId, ulong MemberId, long Revision, long OldestRevision, bool InnerChecked, DateTimeOffset Time)
{
    /// <summary>What was looked at, for a person.</summary>
    internal string Scope => string.Create(
        CultureInfo.InvariantCulture,
        $"{Uses.Keys} keys {PrefixText(Prefix)} of etcd cluster {Hex(ClusterId)} at revision {Revision}, and {Uses.HistoryValues} older values back to revision {OldestRevision}");

    internal static string PrefixText(string prefix) => prefix.Length == 0 ? "(all there are)" : $"under {Output.CliOutput.Shown(prefix)}";

    /// <summary>As etcdctl prints it.</summary>
    internal static string Hex(ulong id) => id.ToString("x", CultureInfo.InvariantCulture);

    internal JsonObject ToJson(KekNames? names = null) => new()
    {
        ["clusterId"] = Hex(ClusterId),
        ["memberId"] = Hex(MemberId),
        ["prefix"] = Prefix,
        ["revision"] = Revision,
        ["oldestRevision"] = OldestRevision,
        ["innerChecked"] = InnerChecked,
        ["time"] = Time.ToString("yyyy-MM-dd'T'HH:mm:ss.fff'Z'", CultureInfo.InvariantCulture),
        ["keys"] = Uses.Keys,
        ["historyValues"] = Uses.HistoryValues,
        ["keks"] = Uses.ToJson(names),
    };
}
