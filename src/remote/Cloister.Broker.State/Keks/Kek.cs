namespace Cloister.Broker.State.Keks;

/// <summary>A KEK with all its versions, as of one moment.</summary>
/// <param name="Record">The KEK.</param>
/// <param name="Versions">Every version, destroyed ones too, by number.</param>
/// <param name="Etag">Differs after each change of the KEK or of a version.</param>
public sealed record Kek(KekRecord Record, IReadOnlyList<KekVersion> Versions, string Etag);
