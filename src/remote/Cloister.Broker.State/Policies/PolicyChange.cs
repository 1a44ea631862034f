namespace Cloister.Broker.State.Policies;

/// <summary>What setting a policy changed.</summary>
/// <param name="Before">The version that was in force; null: there was none.</param>
/// <param name="After">The version in force.</param>
public sealed record PolicyChange(PolicyRecord? Before, PolicyRecord After);
