namespace Cloister.Attestation.Abi.Snp;

/// <summary>
/// PLATFORM_INFO of a report (SEV-SNP Firmware ABI 56860). Unknown bits are kept and never an error: Turin
/// machines set bit 6, which older texts call reserved.
/// </summary>
/// <param name="Value">The field as it stands in the report.</param>
public readonly record struct SnpPlatformInfo(ulong Value)
{
    /// <summary>Simultaneous multi-threading is enabled.</summary>
    public bool SmtEnabled => Bit(0);

    /// <summary>Transparent memory encryption is enabled.</summary>
    public bool TsmeEnabled => Bit(1);

    /// <summary>The memory has error correction.</summary>
    public bool EccEnabled => Bit(2);

    /// <summary>Running average power limit is disabled.</summary>
    public bool RaplDisabled => Bit(3);

    /// <summary>Ciphertext hiding for DRAM is enabled.</summary>
    public bool CiphertextHidingEnabled => Bit(4);

    /// <summary>Memory aliases were looked for at start and none was found (AMD-SB-3015, "BadRAM").</summary>
    public bool AliasCheckComplete => Bit(5);

    /// <summary>SEV-TIO is enabled.</summary>
    public bool TioEnabled => Bit(7);

    private bool Bit(int index) => (Value >> index & 1) != 0;
}
