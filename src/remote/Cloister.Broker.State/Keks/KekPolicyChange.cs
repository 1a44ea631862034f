namespace Cloister.Broker.State.Keks;

/// <summary>What putting another policy in charge of a KEK changed. Digests are of the texts in force then; empty: there is no such policy.</summary>
/// <param name="Before">Name of the policy that was in charge.</param>
/// <param name="BeforeDigest">Its digest.</param>
/// <param name="AfterDigest">The digest of the one that is.</param>
public sealed record KekPolicyChange(string Before, string BeforeDigest, string AfterDigest);
