using System.CommandLine;
using Cloister.Attestation;

namespace Cloister.Cli.Evidence;

/// <summary><c>cloister evidence</c>: look at attestation evidence, and verify it.</summary>
internal static class EvidenceCommand
{
    internal const string Kinds = "sgx, tdx, snp, nitro, az-snp-vtpm or az-tdx-vtpm";

    internal static string[] KindNames { get; } = [.. Enum.GetValues<Tee>().Select(TeeNames.NameOf)];

    internal static Command Create() => new("evidence", "Attestation evidence of SGX, TDX, SEV-SNP, Nitro and Azure's confidential VMs: show it, verify it.")
    {
        EvidenceShowCommand.Create(), EvidenceVerifyCommand.Create(), EvidenceTokenCommand.Create(),
    };
}
