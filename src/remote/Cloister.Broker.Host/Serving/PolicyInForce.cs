using Cloister.Broker.Policies;

namespace Cloister.Broker.Host.Serving;

/// <summary>A policy as it is now.</summary>
/// <param name="Id">Its name and the digest of its text: what a token says that accepted.</param>
/// <param name="Policy">The policy.</param>
internal sealed record PolicyInForce(string Id, ReleasePolicy Policy);
