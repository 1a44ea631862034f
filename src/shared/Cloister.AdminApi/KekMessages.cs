using System.Text.Json.Serialization;

namespace Cloister.AdminApi;

/// <summary>A KEK with all its versions. secrets: none; names and states.</summary>
/// <param name="Name">Its name.</param>
/// <param name="Cluster">The cluster it belongs to.</param>
/// <param name="Store">The key store that holds it.</param>
/// <param name="Policy">The policy that says who gets it.</param>
/// <param name="Release">False: it stays with the broker (custody remote).</param>
/// <param name="CreatedAt">When it was made.</param>
/// <param name="Etag">Differs after each change.</param>
/// <param name="Versions">Every version, destroyed ones too.</param>
public sealed record KekSummary(
    string Name, string Cluster, string Store, string Policy, bool Release, DateTimeOffset CreatedAt, string Etag, IReadOnlyList<KekVersionSummary> Versions);

/// <summary>A version of a KEK.</summary>
/// <param name="Version">From 1.</param>
/// <param name="KeyId">Its key_id.</param>
/// <param name="State">enabled, disabled, destroyScheduled or destroyed.</param>
/// <param name="Active">Whether writes use it now.</param>
/// <param name="CreatedAt">When it was made.</param>
/// <param name="ActiveAt">From when on writes use it.</param>
/// <param name="DestroyAt">When it is, or was due to be, destroyed; null otherwise.</param>
public sealed record KekVersionSummary(
    int Version, string KeyId, string State, bool Active, DateTimeOffset CreatedAt, DateTimeOffset ActiveAt, DateTimeOffset? DestroyAt);

/// <summary>Every KEK.</summary>
public sealed record KekList(IReadOnlyList<KekSummary> Keks);

/// <summary>Makes a KEK and its version 1, active at once.</summary>
/// <param name="Name">1 to 63 of <c>a-z 0-9 - .</c></param>
/// <param name="Cluster">The cluster.</param>
/// <param name="Policy">A policy that was set.</param>
/// <param name="Store">The key store; null: the only one there is.</param>
/// <param name="Release">False: it stays with the broker (custody remote).</param>
[JsonUnmappedMemberHandling(JsonUnmappedMemberHandling.Disallow)]
public sealed record CreateKekRequest(string Name, string Cluster, string Policy, string? Store = null, bool Release = true);

/// <summary>Makes the next version.</summary>
/// <param name="ActiveAt">When writes begin to use it; null: now.</param>
[JsonUnmappedMemberHandling(JsonUnmappedMemberHandling.Disallow)]
public sealed record RotateKekRequest(DateTimeOffset? ActiveAt = null);

/// <summary>Puts another policy in charge of a KEK.</summary>
/// <param name="Policy">Its name.</param>
/// <param name="Approve">The pending request that this approves; null: none.</param>
[JsonUnmappedMemberHandling(JsonUnmappedMemberHandling.Disallow)]
public sealed record SetKekPolicyRequest(string Policy, string? Approve = null);

/// <summary>Orders the destruction of a version.</summary>
/// <param name="DelaySeconds">How long it can be taken back, at least a day.</param>
/// <param name="Confirm">The KEK's name again.</param>
/// <param name="Approve">The pending request that this approves; null: none.</param>
/// <param name="Scan">How the administrator knows that nothing needs it; null: that was not said. For the audit log.</param>
[JsonUnmappedMemberHandling(JsonUnmappedMemberHandling.Disallow)]
public sealed record DestroyKekRequest(long DelaySeconds, string Confirm, string? Approve = null, KekScanRecord? Scan = null);

/// <summary>Disables a version.</summary>
/// <param name="Scan">How the administrator knows that nothing needs it; null: that was not said. For the audit log.</param>
[JsonUnmappedMemberHandling(JsonUnmappedMemberHandling.Disallow)]
public sealed record DisableKekRequest(KekScanRecord? Scan = null);

/// <summary>A scan of etcd after which a version is taken away. A broker cannot see etcd: it writes down what it is told.</summary>
/// <param name="EtcdCluster">The id of etcd's cluster; empty when there was no scan.</param>
/// <param name="Prefix">Which keys; empty for all.</param>
/// <param name="Revision">As they were then.</param>
/// <param name="Keys">How many.</param>
/// <param name="Time">When it began.</param>
/// <param name="Digest">SHA-256 of the report, 64 hexadecimal digits.</param>
/// <param name="Waived">True: it is done without a scan, and values may be lost.</param>
[JsonUnmappedMemberHandling(JsonUnmappedMemberHandling.Disallow)]
public sealed record KekScanRecord(string EtcdCluster, string Prefix, long Revision, long Keys, DateTimeOffset Time, string Digest, bool Waived = false)
{
    /// <summary>There was none, and that was said in so many words.</summary>
    public static KekScanRecord WithoutScan { get; } = new("", "", 0, 0, default, "", Waived: true);
}
