namespace Cloister.Attestation.Abi.Snp;

/// <summary>The policy the guest was launched with (SEV-SNP Firmware ABI 56860, section 4.3).</summary>
/// <param name="Value">The field as it stands in the report.</param>
public readonly record struct SnpGuestPolicy(ulong Value)
{
    /// <summary>Bits that must be zero.</summary>
    public const ulong ReservedZeroBits = 0xFFFF_FFFF_FC00_0000UL;

    /// <summary>The reserved bit that must be one.</summary>
    public const ulong ReservedOneBit = 1UL << 17;

    /// <summary>Minimum ABI minor version of the firmware.</summary>
    public byte AbiMinor => (byte)(Value & 0xFF);

    /// <summary>Minimum ABI major version of the firmware.</summary>
    public byte AbiMajor => (byte)(Value >> 8 & 0xFF);

    /// <summary>Simultaneous multi-threading is allowed.</summary>
    public bool SmtAllowed => Bit(16);

    /// <summary>Association with a migration agent is allowed.</summary>
    public bool MigrationAgentAllowed => Bit(18);

    /// <summary>Debugging is allowed: the host can read and write the guest's memory.</summary>
    public bool DebugAllowed => Bit(19);

    /// <summary>The guest runs on a single socket only.</summary>
    public bool SingleSocket => Bit(20);

    /// <summary>CXL devices may be used.</summary>
    public bool CxlAllowed => Bit(21);

    /// <summary>Memory must be encrypted with AES-256-XTS.</summary>
    public bool Aes256XtsRequired => Bit(22);

    /// <summary>Running average power limit must be disabled.</summary>
    public bool RaplDisableRequired => Bit(23);

    /// <summary>Ciphertext hiding for DRAM must be enabled.</summary>
    public bool CiphertextHidingRequired => Bit(24);

    /// <summary>Guest page swap is disabled.</summary>
    public bool PageSwapDisabled => Bit(25);

    private bool Bit(int index) => (Value >> index & 1) != 0;
}
