using Cloister.Kbs;
using Cloister.Release;

namespace Cloister.Cli.Provision;

/// <summary>An enclave that a policy accepts.</summary>
/// <param name="Key">The key that a KEK may be encrypted to.</param>
/// <param name="Statement">What it says about itself.</param>
/// <param name="Waived">Rules that the policy waives.</param>
internal sealed record AppraisedEnclave(TeePublicKey Key, EnclaveStatement Statement, IReadOnlyList<string> Waived);
