namespace Cloister.Broker.State.Keks;

/// <summary>A KEK, without its versions and without key bytes.</summary>
/// <param name="Name">Unique in the database, for ever.</param>
/// <param name="Cluster">The cluster it belongs to.</param>
/// <param name="Store">The name of the key store that holds its versions.</param>
/// <param name="Policy">The name of the policy that says who gets it.</param>
/// <param name="Release">Whether it may be released; false: custody remote.</param>
/// <param name="CreatedAt">When it was made.</param>
public sealed record KekRecord(string Name, string Cluster, string Store, string Policy, bool Release, DateTimeOffset CreatedAt);
