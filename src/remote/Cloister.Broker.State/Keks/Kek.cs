namespace Cloister.Broker.State.Keks;

/// <summary>A KEK with all its versions, as of one moment.</summary>
/// <param name="Record">The KEK.</param>
/// <param name="Versions">Every version, destroyed ones too, by number.</param>
/// <param name="Etag">Differs after each change of the KEK or of a version.</param>
public sealed record Kek(KekRecord Record, IReadOnlyList<KekVersion> Versions, string Etag)
{
    /// <summary>The highest version that writes used, as it was stored; 0 when none was yet.</summary>
    public int HighestActive { get; init; }

    /// <summary>
    /// The version that writes use at a time, or null. It only grows: when the highest that writes used is not enabled any more, there is none until
    /// a later version is there, since a key_id that was replaced must not come back.
    /// </summary>
    public KekVersion? ActiveAt(DateTimeOffset at)
    {
        KekVersion? highest = Versions
            .Where(version => version.Version <= HighestActive || (version.State == KekVersionState.Enabled && version.ActiveAt <= at))
            .MaxBy(version => version.Version);
        return highest is { State: KekVersionState.Enabled } ? highest : null;
    }
}
