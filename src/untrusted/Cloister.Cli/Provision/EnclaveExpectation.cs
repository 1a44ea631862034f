using Cloister.Attestation;
using Cloister.Kbs;

namespace Cloister.Cli.Provision;

/// <summary>What an enclave's answer has to say besides what a policy demands.</summary>
/// <param name="Nonce">The challenge.</param>
/// <param name="Kek">Name of the KEK.</param>
/// <param name="Configuration">SHA-384 of the configuration file in lower-case hex, or null for any.</param>
internal sealed record EnclaveExpectation(string Nonce, string Kek, string? Configuration)
{
    /// <exception cref="RefusedEnclaveException">It says something else.</exception>
    internal void Check(EnclaveStatement statement)
    {
        if (statement.Kek != Kek)
        {
            throw new RefusedEnclaveException(new StepFailure("statement", "kek", $"the enclave expects KEK '{statement.Kek}'"));
        }

        if (Configuration is not null && statement.Config != Configuration)
        {
            throw new RefusedEnclaveException(new StepFailure("statement", "configuration", "the enclave runs another configuration file than --config names"));
        }
    }
}
