namespace Cloister.Broker.State.Evidence;

/// <summary>How much evidence is kept.</summary>
/// <param name="Accepted">At most so much that was accepted, the newest; of each lease only the last.</param>
/// <param name="Refused">At most so much that was refused, the newest.</param>
/// <param name="Age">Nothing older.</param>
public sealed record EvidenceLimits(int Accepted, int Refused, TimeSpan Age);
