namespace Cloister.Attestation.Abi;

/// <summary>
/// The versions of evidence and collateral that are known: the one list, for parsers, inspector and verifiers, and for an enclave's look at its own
/// evidence (Cloister.Enclave.Tees compiles this file too). Each list is in ascending order. secrets: none.
/// </summary>
internal static class EvidenceVersions
{
    /// <summary>The version of SNP reports that put CPUID_FAM_ID, CPUID_MOD_ID and CPUID_STEP there, and the one that put the mitigation vectors there.</summary>
    public const uint SnpReportWithProcessor = 3;
    public const uint SnpReportWithMitigations = 5;

    /// <summary>The version of quotes that describes its body before it.</summary>
    public const uint QuoteWithBodyDescriptor = 5;

    /// <summary>Bodies of a quote of version 5: an enclave's report, a TD report 1.0, a TD report 1.5.</summary>
    public const uint SgxBody = 1;
    public const uint TdBody10 = 2;
    public const uint TdBody15 = 3;

    // Far beyond: no version, noise.
    private const uint Plausible = 255;

    /// <summary>SEV-SNP attestation reports (AMD 56860). Version 4 was seen from firmware 1.55.31 on Milan and has the fields of version 3.</summary>
    public static ReadOnlySpan<uint> SnpReport => [2, 3, 4, 5];

    /// <summary>DCAP quotes of either TEE (QuoteHeader says which is of which).</summary>
    public static ReadOnlySpan<uint> Quote => [3, 4, 5];

    /// <summary>DCAP quotes of trust domains.</summary>
    public static ReadOnlySpan<uint> TdQuote => [4, 5];

    /// <summary>Types of a body in a quote of version 5.</summary>
    public static ReadOnlySpan<uint> QuoteBody => [SgxBody, TdBody10, TdBody15];

    /// <summary>TCB info of the PCS API. Version 2 is for SGX only and has no id.</summary>
    public static ReadOnlySpan<uint> TcbInfo => [2, 3];

    /// <summary>Identities of quoting enclaves of the PCS API.</summary>
    public static ReadOnlySpan<uint> EnclaveIdentity => [2];

    /// <summary>Whether <paramref name="version"/> is higher than those that are known: nothing says that it is wrong, a newer program may read it.</summary>
    public static bool IsNewer(uint version, ReadOnlySpan<uint> known) => version > known[^1] && version <= Plausible;
}
