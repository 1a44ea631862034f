namespace Cloister.Attestation;

/// <summary>The lower-case names of TEEs in policies, JSON and command lines.</summary>
public static class TeeNames
{
    /// <summary>The name of <paramref name="tee"/>: <c>sgx</c>, <c>tdx</c>, <c>snp</c>, <c>nitro</c>, <c>az-snp-vtpm</c> or <c>az-tdx-vtpm</c>: those of the KBS protocol.</summary>
    public static string NameOf(Tee tee) => tee switch
    {
        Tee.Sgx => "sgx",
        Tee.Tdx => "tdx",
        Tee.Snp => "snp",
        Tee.Nitro => "nitro",
        Tee.AzureSnp => "az-snp-vtpm",
        Tee.AzureTdx => "az-tdx-vtpm",
        _ => throw new ArgumentOutOfRangeException(nameof(tee)),
    };

    /// <summary>Reads a name written by <see cref="NameOf"/>; exact and lower-case.</summary>
    public static bool TryParse(string? name, out Tee tee)
    {
        Tee? found = name switch
        {
            "sgx" => Tee.Sgx,
            "tdx" => Tee.Tdx,
            "snp" => Tee.Snp,
            "nitro" => Tee.Nitro,
            "az-snp-vtpm" => Tee.AzureSnp,
            "az-tdx-vtpm" => Tee.AzureTdx,
            _ => null,
        };
        tee = found.GetValueOrDefault();
        return found.HasValue;
    }
}
