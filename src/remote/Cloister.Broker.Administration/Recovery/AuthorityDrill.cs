namespace Cloister.Broker.Administration.Recovery;

/// <summary>What a restore drill of an authority's key came to. secrets: none.</summary>
/// <param name="Authority">The authority whose key the shares restore; empty: nothing.</param>
/// <param name="Matches">Whether it is this broker's key.</param>
/// <param name="Problem">What is wrong and what to do; empty when nothing is.</param>
public sealed record AuthorityDrill(string Authority, bool Matches, string Problem);
