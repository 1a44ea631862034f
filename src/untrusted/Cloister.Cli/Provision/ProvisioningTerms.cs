using Cloister.Attestation.Appraise;
using Cloister.Attestation.Certificates;

namespace Cloister.Cli.Provision;

/// <summary>Which enclave is given a KEK, and as what.</summary>
/// <param name="Policy">Which enclaves may have it.</param>
/// <param name="Roots">Roots besides the vendor's.</param>
/// <param name="Collateral">Folder with the vendor's collateral, or null.</param>
/// <param name="Configuration">SHA-384 of the configuration file that the enclave must run, lower-case hex; null: any.</param>
/// <param name="Name">Name of the KEK.</param>
/// <param name="Version">Its version, from 1.</param>
/// <param name="Inactive">For reading only.</param>
internal sealed record ProvisioningTerms(
    AppraisalPolicy Policy, IReadOnlyList<Certificate> Roots, string? Collateral, string? Configuration, string Name, uint Version, bool Inactive);
