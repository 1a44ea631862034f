namespace Cloister.Attestation;

/// <summary>The lower-case names of TEEs in policies, JSON and command lines.</summary>
public static class TeeNames
{
    /// <summary>The name of <paramref name="tee"/>: <c>sgx</c>, <c>tdx</c>, <c>snp</c> or <c>nitro</c>.</summary>
    public static string NameOf(Tee tee) => tee switch
    {
        Tee.Sgx => "sgx",
        Tee.Tdx => "tdx",
        Tee.Snp => "snp",
        Tee.Nitro => "nitro",
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
            _ => null,
        };
        tee = found.GetValueOrDefault();
        return found.HasValue;
    }
}
