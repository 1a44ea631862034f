namespace Cloister.Attestation.Appraise;

/// <summary>Rules that a policy must state or waive. Others (block lists, further registers) are free.</summary>
public static class RequiredRules
{
    private static readonly string[] Tcb = ["tcb.statuses", "tcb.advisories", "tcb.minEvaluationDataNumber", "tcb.minDate"];

    private static readonly string[] Sgx = ["debug", "enclave", "configid", .. Tcb, "platforms.allow", "reportData"];

    private static readonly string[] Tdx =
        ["debug", "mrtd", "rtmr0", "rtmr1", "rtmr2", "rtmr3", "mrconfigid", "mrowner", "mrownerconfig", "tdattributes", "xfam", .. Tcb, "platforms.allow", "reportData"];

    private static readonly string[] Snp =
    [
        "debug", "measurement", "hostData", "idKeyDigest", "authorKeyDigest", "guestSvn", "vmpl", "guestPolicy", "platformInfo", "products", "signingKeys", "minTcb", "firmware",
        "platforms.allow", "reportData",
    ];

    private static readonly string[] Nitro = ["debug", "pcr0", "pcr1", "pcr2", "pcr3", "pcr4", "pcr8", "userData", "nonce", "publicKey"];

    // The report data is the paravisor's, and what the hardware measured is the paravisor: the guest is in the vTPM's registers.
    private static readonly string[] Vtpm = ["pcr0", "pcr4", "pcr7", "pcr8", "pcr9", "pcr11", "pcr12", "secureBoot", "qualifyingData"];

    private static readonly string[] AzureSnp = [.. Snp.Except(["vmpl", "reportData"]), .. Vtpm];

    private static readonly string[] AzureTdx = [.. Tdx.Except(["reportData"]), .. Vtpm];

    /// <summary>The names for <paramref name="tee"/>.</summary>
    public static IReadOnlyList<string> For(Tee tee) => tee switch
    {
        Tee.Sgx => Sgx,
        Tee.Tdx => Tdx,
        Tee.Snp => Snp,
        Tee.Nitro => Nitro,
        Tee.AzureSnp => AzureSnp,
        Tee.AzureTdx => AzureTdx,
        _ => throw new ArgumentOutOfRangeException(nameof(tee)),
    };
}
