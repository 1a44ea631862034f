using System.Text.Json.Serialization;

namespace Cloister.AdminApi;

/// <summary>Splits a KEK version, or the authority's key, into recovery shares, one for each keeper, which he alone can open.</summary>
/// <param name="Threshold">How many restore it, from 2.</param>
/// <param name="Keepers">The keepers' public keys, PEM: 2 to 255 different ones, on P-256 or P-521.</param>
/// <param name="Approve">The pending request that this approves; null: none.</param>
[JsonUnmappedMemberHandling(JsonUnmappedMemberHandling.Disallow)]
public sealed record ExportKekRequest(int Threshold, IReadOnlyList<string> Keepers, string? Approve = null);

/// <summary>A share for one keeper.</summary>
/// <param name="Keeper">The pin of his key.</param>
/// <param name="Share">Sealed to it, JSON, as docs/recovery-shares.md says.</param>
public sealed record SealedRecoveryShare(string Keeper, string Share);

/// <summary>Recovery shares, each sealed to its keeper. secrets: none without the keepers' keys.</summary>
/// <param name="Kek">The KEK.</param>
/// <param name="Version">Its version.</param>
/// <param name="KeyId">That version's key_id.</param>
/// <param name="Threshold">How many restore it.</param>
/// <param name="Shares">One for each keeper, in the order of the pins.</param>
public sealed record ExportedKek(string Kek, int Version, string KeyId, int Threshold, IReadOnlyList<SealedRecoveryShare> Shares)
{
    /// <summary>What it is about; nothing of the shares.</summary>
    public override string ToString() => $"{Shares.Count} shares of KEK {Kek} version {Version}";
}

/// <summary>Recovery shares of the authority's key, each sealed to its keeper. secrets: none without the keepers' keys.</summary>
/// <param name="Authority">The authority, 32 hexadecimal digits.</param>
/// <param name="Threshold">How many restore it.</param>
/// <param name="Shares">One for each keeper, in the order of the pins.</param>
public sealed record ExportedAuthority(string Authority, int Threshold, IReadOnlyList<SealedRecoveryShare> Shares)
{
    /// <summary>What it is about; nothing of the shares.</summary>
    public override string ToString() => $"{Shares.Count} shares of the key of authority {Authority}";
}

/// <summary>Takes a KEK version in. secrets: the shares are the KEK.</summary>
/// <param name="Shares">Texts of at least as many shares as restore it.</param>
/// <param name="Cluster">The cluster of a KEK that is not there yet.</param>
/// <param name="Policy">Its policy.</param>
/// <param name="Store">Its key store; null: the only one there is.</param>
/// <param name="Release">False: it stays with the broker (custody remote).</param>
/// <param name="Approve">The pending request that this approves; null: none.</param>
[JsonUnmappedMemberHandling(JsonUnmappedMemberHandling.Disallow)]
public sealed record RestoreKekRequest(IReadOnlyList<string> Shares, string Cluster, string Policy, string? Store = null, bool Release = true, string? Approve = null)
{
    /// <summary>What it is about; nothing of the shares.</summary>
    public override string ToString() => $"{Shares.Count} shares for cluster {Cluster}";
}

/// <summary>Proves that shares restore. secrets: the shares are the KEK.</summary>
/// <param name="Shares">Texts of at least as many shares as restore it.</param>
[JsonUnmappedMemberHandling(JsonUnmappedMemberHandling.Disallow)]
public sealed record DrillRequest(IReadOnlyList<string> Shares)
{
    /// <summary>What it is about; nothing of the shares.</summary>
    public override string ToString() => $"{Shares.Count} shares";
}

/// <summary>What a drill came to. It is good when both are true.</summary>
/// <param name="Restored">Whether the shares restore what was split.</param>
/// <param name="Matches">Whether that is the key that the broker has.</param>
/// <param name="Kek">The KEK; empty when none was restored.</param>
/// <param name="Version">Its version.</param>
/// <param name="KeyId">Its key_id.</param>
/// <param name="Authority">The authority whose key was restored; empty when none was.</param>
/// <param name="Detail">What is wrong and what to do; empty when nothing is.</param>
public sealed record DrillResult(bool Restored, bool Matches, string Kek, int Version, string KeyId, string Authority, string Detail);
