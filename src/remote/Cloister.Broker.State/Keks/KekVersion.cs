namespace Cloister.Broker.State.Keks;

/// <summary>A version of a KEK.</summary>
/// <param name="Name">The KEK's name.</param>
/// <param name="Version">From 1; never used again, even if making its key failed.</param>
/// <param name="Generation">32 lower-case hex digits, random; never used again.</param>
/// <param name="State">What it may be used for.</param>
/// <param name="CreatedAt">When it was made.</param>
/// <param name="ActiveAt">From when on it encrypts.</param>
/// <param name="DestroyAt">When it is destroyed, or was due to be; null if that was never scheduled or was cancelled.</param>
public sealed record KekVersion(
    string Name, int Version, string Generation, KekVersionState State, DateTimeOffset CreatedAt, DateTimeOffset ActiveAt, DateTimeOffset? DestroyAt);
