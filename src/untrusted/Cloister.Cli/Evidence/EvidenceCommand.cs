using System.CommandLine;

namespace Cloister.Cli.Evidence;

/// <summary><c>cloister evidence</c>: look at attestation evidence, and verify it.</summary>
internal static class EvidenceCommand
{
    internal static Command Create() => new("evidence", "Attestation evidence of SGX, TDX, SEV-SNP and Nitro: show it, verify it.")
    {
        EvidenceShowCommand.Create(), EvidenceVerifyCommand.Create(),
    };
}
