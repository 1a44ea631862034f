using System.Globalization;
using Layout = Cloister.Attestation.Abi.Snp.SnpReportLayout;

namespace Cloister.Attestation.Abi.Snp;

public sealed partial class SnpReport
{
    private const string Structure = "report";

    /// <summary>Reads a report of exactly 1184 bytes. The bytes are kept, not copied: the caller leaves them alone afterwards.</summary>
    /// <param name="bytes">The report, signature included.</param>
    /// <exception cref="EvidenceFormatException">Wrong length or version, or a reserved field is not as its version says.</exception>
    public static SnpReport Parse(ReadOnlyMemory<byte> bytes)
    {
        if (bytes.Length != Length)
        {
            throw new EvidenceFormatException(Structure, 0, $"{bytes.Length} bytes, a report has {Length}");
        }

        SnpReport report = new(bytes);
        report.CheckVersion();
        report.CheckPolicy();
        report.CheckKeyInfo();
        report.CheckZero(Layout.ReservedAlways);
        report.CheckZero([.. Layout.ReservedAtFirst.Where(field => report.Version < field.BeforeVersion).Select(field => (field.Offset, field.Length))]);

        // The layout of another algorithm's signature is not known; verification refuses the algorithm by its own step.
        if (report.SignatureAlgorithm == 1)
        {
            report.CheckZero(Layout.ReservedInSignature);
        }

        return report;
    }

    private void CheckVersion()
    {
        if (!EvidenceVersions.SnpReport.Contains(Version))
        {
            throw EvidenceFormatException.UnknownVersion($"{Structure}.version", Layout.Version, Version, EvidenceVersions.SnpReport);
        }
    }

    private void CheckPolicy()
    {
        if ((Policy.Value & SnpGuestPolicy.ReservedZeroBits) != 0 || (Policy.Value & SnpGuestPolicy.ReservedOneBit) == 0)
        {
            throw Error("policy", Layout.Policy, "bit 17 must be one and the bits from 26 on zero");
        }
    }

    private void CheckKeyInfo()
    {
        if (UInt32(Layout.KeyInfo) >> 5 != 0 || SigningKey is not (SnpSigningKey.Vcek or SnpSigningKey.Vlek or SnpSigningKey.None))
        {
            throw Error("key_info", Layout.KeyInfo, "a reserved bit or an unknown signing key");
        }
    }

    private void CheckZero((int Offset, int Length)[] ranges)
    {
        foreach ((int offset, int length) in ranges)
        {
            int found = Field(offset, length).IndexOfAnyExcept((byte)0);
            if (found >= 0)
            {
                string name = string.Create(CultureInfo.InvariantCulture, $"reserved_0x{offset:x3}");
                throw Error(name, offset + found, "reserved bytes are not zero");
            }
        }
    }

    private static EvidenceFormatException Error(string field, int offset, string problem) => new($"{Structure}.{field}", offset, problem);
}
