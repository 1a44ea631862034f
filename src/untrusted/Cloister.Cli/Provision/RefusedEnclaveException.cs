using Cloister.Attestation;

namespace Cloister.Cli.Provision;

/// <summary>An enclave that is not to be given a KEK.</summary>
internal sealed class RefusedEnclaveException(StepFailure failure) : Exception(failure.ToString())
{
    /// <summary>The step that failed and why.</summary>
    internal StepFailure Failure { get; } = failure;
}
