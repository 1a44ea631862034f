using System.Globalization;
using Cloister.Attestation.Abi.Snp;

namespace Cloister.Collateral;

/// <summary>Paths of AMD's Key Distribution Service (AMD document 57230, VCEK Certificate and KDS Interface Specification).</summary>
public static class KdsPaths
{
    /// <summary>The VCEK of the chip that made <paramref name="report"/>, at the TCB it reports. Turin: eight bytes of chip id and an SPL more.</summary>
    public static string Vcek(SnpReport report, SnpProductLine product)
    {
        ArgumentNullException.ThrowIfNull(report);
        SnpTcb tcb = SnpTcb.Decode(report.ReportedTcb, product);
        SnpProduct row = SnpProduct.Of(product);
        string id = Convert.ToHexStringLower(report.ChipId[..row.ChipIdLength]);
        string fmc = row.HasFmc ? string.Create(CultureInfo.InvariantCulture, $"fmcSPL={tcb.Fmc:00}&") : "";
        return string.Create(
            CultureInfo.InvariantCulture,
            $"vcek/v1/{SnpProductNames.NameOf(product)}/{id}?{fmc}blSPL={tcb.Bootloader:00}&teeSPL={tcb.Tee:00}&snpSPL={tcb.Snp:00}&ucodeSPL={tcb.Microcode:00}");
    }

    /// <summary>ASK (or ASVK) and ARK, PEM.</summary>
    public static string Chain(SnpProductLine product, SnpSigningKey key) => $"{KindOf(key)}/v1/{SnpProductNames.NameOf(product)}/cert_chain";

    /// <summary>The ARK's revocation list, DER.</summary>
    public static string Crl(SnpProductLine product, SnpSigningKey key) => $"{KindOf(key)}/v1/{SnpProductNames.NameOf(product)}/crl";

    private static string KindOf(SnpSigningKey key) => key == SnpSigningKey.Vlek ? "vlek" : "vcek";
}
