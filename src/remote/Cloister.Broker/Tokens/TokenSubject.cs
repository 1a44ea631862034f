namespace Cloister.Broker.Tokens;

/// <summary>The claim <c>cloister-subject</c> of a token: what revocations and policies are compared with as long as the token is used.</summary>
/// <param name="Measurement">MRENCLAVE, MRTD, launch measurement or PCR0, lower-case hex.</param>
/// <param name="Platforms">Every identity of the platform that the evidence has.</param>
/// <param name="Policies">Every policy that accepted the evidence.</param>
/// <param name="Cluster">Cluster of the statement; empty when there is none.</param>
/// <param name="Kek">The KEK that the statement names, and the only one that the token is for; empty when there is no statement.</param>
public sealed record TokenSubject(string Measurement, IReadOnlyList<string> Platforms, IReadOnlyList<string> Policies, string Cluster, string Kek);
