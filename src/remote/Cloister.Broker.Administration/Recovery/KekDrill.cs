using Cloister.Contracts.Keys;

namespace Cloister.Broker.Administration.Recovery;

/// <summary>What a restore drill came to. secrets: none.</summary>
/// <param name="Kek">What the shares restore; null: nothing.</param>
/// <param name="Matches">Whether it is what the key store has.</param>
/// <param name="Problem">What is wrong and what to do; empty when nothing is.</param>
public sealed record KekDrill(KekIdentity? Kek, bool Matches, string Problem);
