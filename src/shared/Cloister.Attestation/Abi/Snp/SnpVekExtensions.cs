using System.Formats.Asn1;
using System.Text;
using Cloister.Attestation.Certificates;

namespace Cloister.Attestation.Abi.Snp;

/// <summary>
/// What a VCEK or VLEK certificate says about chip and TCB in its extensions under 1.3.6.1.4.1.3704.1 (VCEK Certificate and KDS
/// Interface Specification 57230; for VLEKs 58369). Identifiers are compared whole, never by prefix.
/// </summary>
public sealed class SnpVekExtensions
{
    private SnpVekExtensions(Reader reader)
    {
        StructVersion = reader.Integer("structVersion", [1]);
        ProductName = reader.Text("productName", [2]);
        Fmc = reader.OptionalInteger("fmcSPL", [3, 9]);
        Tcb = new SnpTcb(
            Fmc ?? 0,
            reader.Integer("blSPL", [3, 1]),
            reader.Integer("teeSPL", [3, 2]),
            reader.Integer("snpSPL", [3, 3]),
            reader.Integer("ucodeSPL", [3, 8]));
        for (byte reserved = 4; reserved <= 7; reserved++)
        {
            if (reader.OptionalInteger("spl_reserved", [3, reserved]) is not (null or 0))
            {
                throw new EvidenceFormatException($"vek.spl{reserved}", 0, "a reserved security patch level is not zero");
            }
        }

        HardwareId = reader.Raw([4]);
        CspId = reader.Raw([5]) is null ? null : reader.Text("cspID", [5]);
    }

    /// <summary>Version of the set of extensions: 0, or 1 for Turin.</summary>
    public byte StructVersion { get; }

    /// <summary>Product name as it stands there, such as <c>Milan-B0</c> or <c>Genoa</c>.</summary>
    public string ProductName { get; }

    /// <summary>The product line the name belongs to, or null for one that is not known.</summary>
    public SnpProductLine? ProductLine => SnpProductNames.Find(ProductName);

    /// <summary>The security patch levels the key was derived from.</summary>
    public SnpTcb Tcb { get; }

    /// <summary>The FMC level, or null where the certificate has none (before Turin).</summary>
    public byte? Fmc { get; }

    /// <summary>Id of the chip, raw: 64 bytes, or 8 for Turin; null in a VLEK certificate.</summary>
    public ReadOnlyMemory<byte>? HardwareId { get; }

    /// <summary>The cloud provider a VLEK belongs to; null in a VCEK certificate.</summary>
    public string? CspId { get; }

    /// <summary>Reads the extensions of a VCEK or VLEK certificate.</summary>
    /// <param name="certificate">The certificate, authentic or not.</param>
    /// <exception cref="EvidenceFormatException">A required extension is missing, or one is not as specified.</exception>
    public static SnpVekExtensions Parse(Certificate certificate)
    {
        ArgumentNullException.ThrowIfNull(certificate);
        return new SnpVekExtensions(new Reader(certificate));
    }

    private readonly struct Reader(Certificate certificate)
    {
        public ReadOnlyMemory<byte>? Raw(ReadOnlySpan<byte> arcs) => Find(arcs)?.Value;

        public byte Integer(string field, ReadOnlySpan<byte> arcs) => OptionalInteger(field, arcs) ?? throw Missing(field);

        public byte? OptionalInteger(string field, ReadOnlySpan<byte> arcs)
        {
            if (Find(arcs) is not { } extension)
            {
                return null;
            }

            DerReader reader = new(extension.Value.Span, "vek", extension.Offset);
            int value = reader.SmallInteger(field, byte.MaxValue);
            reader.End();
            return (byte)value;
        }

        public string Text(string field, ReadOnlySpan<byte> arcs)
        {
            CertificateExtension extension = Find(arcs) ?? throw Missing(field);
            DerReader reader = new(extension.Value.Span, "vek", extension.Offset);
            ReadOnlySpan<byte> text = reader.Content(field, new Asn1Tag(UniversalTagNumber.IA5String));
            reader.End();
            return text.Length is > 0 and <= 255 && !text.ContainsAnyExceptInRange((byte)0x20, (byte)0x7E)
                ? Encoding.ASCII.GetString(text)
                : throw reader.Error(field, "not 1 to 255 printable ASCII characters");
        }

        private CertificateExtension? Find(ReadOnlySpan<byte> arcs) => certificate.Find([.. DerOid.AmdSev, .. arcs]);

        private static EvidenceFormatException Missing(string field) => new($"vek.{field}", 0, "the extension is missing");
    }
}
