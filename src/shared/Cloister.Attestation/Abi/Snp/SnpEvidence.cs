using Cloister.Attestation.Azure;

namespace Cloister.Attestation.Abi.Snp;

/// <summary>
/// SEV-SNP evidence in one of the forms it travels in: the bare report, the report with the host's certificate table behind it
/// (SNP_GET_EXT_REPORT), the two files of configfs-tsm (<c>outblob</c>, <c>auxblob</c>), or Azure's HCL report.
/// </summary>
public sealed class SnpEvidence
{
    /// <summary>Largest evidence read, in bytes.</summary>
    public const int MaximumLength = 256 * 1024;

    private SnpEvidence(SnpReport report, SnpCertificateTable? certificates, ReadOnlyMemory<byte>? runtimeData)
    {
        Report = report;
        Certificates = certificates;
        RuntimeData = runtimeData;
    }

    /// <summary>The report.</summary>
    public SnpReport Report { get; }

    /// <summary>The certificates the host sent along, or null.</summary>
    public SnpCertificateTable? Certificates { get; }

    /// <summary>The runtime data of an HCL report, whose SHA-256 the report data must be; null for the other forms.</summary>
    public ReadOnlyMemory<byte>? RuntimeData { get; }

    /// <summary>Reads any of the forms.</summary>
    /// <param name="bytes">The evidence; kept, not copied.</param>
    /// <exception cref="EvidenceFormatException">It is none of the forms, or a part of it is malformed.</exception>
    public static SnpEvidence Parse(ReadOnlyMemory<byte> bytes)
    {
        if (bytes.Length > MaximumLength)
        {
            throw new EvidenceFormatException("evidence", 0, $"{bytes.Length} bytes, at most {MaximumLength} are read");
        }

        if (HclReport.Recognises(bytes.Span))
        {
            HclReport hcl = HclReport.Parse(bytes);
            return hcl.Tee == Tee.Snp
                ? new SnpEvidence(SnpReport.Parse(hcl.HardwareReport), certificates: null, hcl.RuntimeData)
                : throw EvidenceFormatException.Unsupported("hcl_report.report_type", 0, "a TDX report of Azure's paravisor, which nobody signed: its evidence is az-tdx-vtpm, with a quote");
        }

        return bytes.Length > SnpReport.Length
            ? Parse(bytes[..SnpReport.Length], bytes[SnpReport.Length..])
            : new SnpEvidence(SnpReport.Parse(bytes), certificates: null, runtimeData: null);
    }

    /// <summary>Reads a report and the certificate table that came beside it.</summary>
    /// <param name="report">The report: configfs-tsm's <c>outblob</c>.</param>
    /// <param name="certificateTable">The table: configfs-tsm's <c>auxblob</c>; may be empty.</param>
    /// <exception cref="EvidenceFormatException">One of them is malformed.</exception>
    public static SnpEvidence Parse(ReadOnlyMemory<byte> report, ReadOnlyMemory<byte> certificateTable) =>
        certificateTable.Length > MaximumLength
            ? throw new EvidenceFormatException("certificate_table", 0, $"{certificateTable.Length} bytes, at most {MaximumLength} are read")
            : new SnpEvidence(SnpReport.Parse(report), SnpCertificateTable.Parse(certificateTable), runtimeData: null);
}
