using Cloister.Broker.State.Requests;

namespace Cloister.Broker.Administration;

/// <summary>Whether an act may be done now.</summary>
/// <param name="By">Who does it: the second administrator, with the name of the first, where it takes two.</param>
/// <param name="Waiting">The request that another administrator has to approve first; null: do it.</param>
public sealed record Consent(Administrator By, PendingAct? Waiting);
