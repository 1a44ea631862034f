using Cloister.Attestation;
using Cloister.Attestation.Appraise;
using Cloister.Attestation.Claims;
using Cloister.Release;
using Cloister.Kbs;

namespace Cloister.Broker.Evidence;

/// <summary>An enclave whose evidence is authentic, answers the challenge, covers key and statement, and is accepted by a policy.</summary>
public sealed class AttestedEnclave
{
    internal AttestedEnclave(AppraisedEvidence evidence, TeePublicKey key, EnclaveStatement? statement)
    {
        Evidence = evidence;
        Key = key;
        Statement = statement;
        (string measurement, string[] platform) = evidence.Claims.Tee switch
        {
            Tee.Sgx => (ClaimNames.MrEnclave, [ClaimNames.PlatformInstanceId, ClaimNames.Ppid]),
            Tee.Tdx => (ClaimNames.MrTd, [ClaimNames.PlatformInstanceId, ClaimNames.Ppid]),
            Tee.Snp => (ClaimNames.Measurement, [ClaimNames.ChipId]),
            // The paravisor's measurement: the guest is in the registers, which the policy pins. A VM is named before the machine under it.
            Tee.AzureSnp => (ClaimNames.Measurement, [ClaimNames.VmUniqueId, ClaimNames.ChipId]),
            Tee.AzureTdx => (ClaimNames.MrTd, [ClaimNames.VmUniqueId, ClaimNames.PlatformInstanceId, ClaimNames.Ppid]),
            Tee.Nitro => (ClaimNames.PcrPrefix + "0", (string[])[ClaimNames.ModuleId]),
            _ => throw new ArgumentOutOfRangeException(nameof(evidence)),
        };
        Measurement = Text(evidence.Claims.All, measurement);
        Platforms = [.. platform.Select(name => Text(evidence.Claims.All, name)).Where(text => text.Length > 0)];
    }

    /// <summary>What was appraised.</summary>
    public AppraisedEvidence Evidence { get; }

    /// <summary>The key that secrets are encrypted to.</summary>
    public TeePublicKey Key { get; }

    /// <summary>What the enclave says about itself; null when it says nothing.</summary>
    public EnclaveStatement? Statement { get; }

    /// <summary>Thumbprint of the key.</summary>
    public string Instance => Key.Thumbprint;

    /// <summary>MRENCLAVE, MRTD, launch measurement or PCR0, lower-case hex.</summary>
    public string Measurement { get; }

    /// <summary>Every identity of the platform that the evidence has, the preferred one first; a revocation of any of them counts.</summary>
    public IReadOnlyList<string> Platforms { get; }

    /// <summary>
    /// Roots besides the vendors' that its policy trusts, SHA-256 in hex: what the evidence may rest on. Empty: a vendor's pinned root vouches for it.
    /// </summary>
    public IReadOnlyList<string> OtherRoots { get; internal init; } = [];

    /// <summary>Whether the vendor's revocation lists were looked at: for SEV-SNP and Nitro nobody has to give any.</summary>
    public bool RevocationChecked { get; internal init; }

    /// <summary>The preferred identity of the platform; empty when the evidence has none.</summary>
    public string Platform => Platforms is [string first, ..] ? first : "";

    private static string Text(ClaimSet claims, string name) => claims.TryGet(name, out ClaimValue? value) ? value.ToString() : "";
}
