namespace Cloister.Attestation.Abi.Snp;

/// <summary>
/// A TCB_VERSION decoded into its security patch levels (SEV-SNP Firmware ABI 56860, section 2.2). Turin starts with the
/// FMC and moves every other component but the microcode.
/// </summary>
/// <param name="Fmc">First mutable code (Turin only; zero before).</param>
/// <param name="Bootloader">PSP bootloader.</param>
/// <param name="Tee">PSP operating system.</param>
/// <param name="Snp">SNP firmware.</param>
/// <param name="Microcode">Lowest microcode patch level of all cores.</param>
public readonly record struct SnpTcb(byte Fmc, byte Bootloader, byte Tee, byte Snp, byte Microcode)
{
    /// <summary>Decodes the eight bytes of a TCB_VERSION for one product line.</summary>
    /// <param name="raw">The field as a little-endian number.</param>
    /// <param name="product">The product line, which decides the layout.</param>
    public static SnpTcb Decode(ulong raw, SnpProductLine product) => SnpProduct.Of(product).HasFmc
        ? new(At(raw, 0), At(raw, 1), At(raw, 2), At(raw, 3), At(raw, 7))
        : new(0, At(raw, 0), At(raw, 1), At(raw, 6), At(raw, 7));

    /// <summary>The bits of a TCB_VERSION that no component of this product line uses.</summary>
    /// <param name="product">The product line.</param>
    public static ulong ReservedBits(SnpProductLine product) =>
        SnpProduct.Of(product).HasFmc ? 0x00FF_FFFF_0000_0000UL : 0x0000_FFFF_FFFF_0000UL;

    /// <summary>Encodes the levels as a TCB_VERSION of one product line.</summary>
    /// <param name="product">The product line, which decides the layout.</param>
    public ulong Encode(SnpProductLine product) => SnpProduct.Of(product).HasFmc
        ? Fmc | (ulong)Bootloader << 8 | (ulong)Tee << 16 | (ulong)Snp << 24 | (ulong)Microcode << 56
        : Bootloader | (ulong)Tee << 8 | (ulong)Snp << 48 | (ulong)Microcode << 56;

    /// <summary>Whether every component is at least the other's: a partial order, never a comparison of one number.</summary>
    /// <param name="minimum">The levels to reach.</param>
    public bool IsAtLeast(SnpTcb minimum) =>
        Fmc >= minimum.Fmc && Bootloader >= minimum.Bootloader && Tee >= minimum.Tee && Snp >= minimum.Snp && Microcode >= minimum.Microcode;

    private static byte At(ulong raw, int index) => (byte)(raw >> (8 * index) & 0xFF);
}
