using System.Buffers.Binary;
using Cloister.Attestation.Abi;
using Cloister.Attestation.Certificates;
using Cloister.Attestation.Verify.Snp;
using Layout = Cloister.Attestation.Abi.Snp.SnpReportLayout;

namespace Cloister.Attestation.Forms;

/// <summary>Report and Attestation of go-sev-guest (proto/sevsnp.proto) as the 1184 bytes they were read from, and the certificates beside them.</summary>
internal static class GoSnpReport
{
    public static EvidenceInput ReadReport(MessageFields report, string form) => new($"report of go-sev-guest as {form}", Tee.Snp, Write(report));

    public static EvidenceInput ReadAttestation(MessageFields attestation, string form)
    {
        byte[] report = Write(attestation.Required(1, "report"));
        SnpCollateral endorsements = SnpCollateral.None;
        if (attestation.Message(2, "certificate_chain") is { } chain)
        {
            endorsements = new SnpCollateral
            {
                EndorsementKeys = [.. Certificates(chain, (1, "vcek_cert"), (6, "vlek_cert"))],
                Authorities = [.. Certificates(chain, (2, "ask_cert"), (3, "ark_cert"))],
            };
            chain.Skip(4, "firmware_cert");
            chain.Skip(7, "extras");
            chain.End();
        }

        // What the host says of the product; the report or the certificate says it too, and is signed.
        attestation.Skip(3, "product");
        attestation.End();
        return new EvidenceInput($"attestation of go-sev-guest as {form}", Tee.Snp, report) { Endorsements = endorsements };
    }

    private static IEnumerable<Certificate> Certificates(MessageFields chain, params (int Number, string Name)[] fields)
    {
        foreach ((int number, string name) in fields)
        {
            ReadOnlyMemory<byte> certificate = chain.Bytes(number, name);
            if (!certificate.IsEmpty)
            {
                yield return PemCertificates.ParseOne(certificate);
            }
        }
    }

    private static byte[] Write(MessageFields fields)
    {
        byte[] report = new byte[Layout.Length];
        void Number(int number, string name, int at, int length)
        {
            Span<byte> little = stackalloc byte[sizeof(ulong)];
            BinaryPrimitives.WriteUInt64LittleEndian(little, fields.Number(number, name, length));
            little[..length].CopyTo(report.AsSpan(at));
        }

        void Bytes(int number, string name, int at, int length) => fields.Bytes(number, name, length).Span.CopyTo(report.AsSpan(at));

        Number(1, "version", Layout.Version, 4);
        Number(2, "guest_svn", Layout.GuestSvn, 4);
        Number(3, "policy", Layout.Policy, 8);
        Bytes(4, "family_id", Layout.FamilyId, 16);
        Bytes(5, "image_id", Layout.ImageId, 16);
        Number(6, "vmpl", Layout.Vmpl, 4);
        Number(7, "signature_algo", Layout.SignatureAlgorithm, 4);
        Number(8, "current_tcb", Layout.CurrentTcb, 8);
        Number(9, "platform_info", Layout.PlatformInfo, 8);
        Number(10, "signer_info", Layout.KeyInfo, 4);
        Bytes(11, "report_data", Layout.ReportData, 64);
        Bytes(12, "measurement", Layout.Measurement, 48);
        Bytes(13, "host_data", Layout.HostData, 32);
        Bytes(14, "id_key_digest", Layout.IdKeyDigest, 48);
        Bytes(15, "author_key_digest", Layout.AuthorKeyDigest, 48);
        Bytes(16, "report_id", Layout.ReportId, 32);
        Bytes(17, "report_id_ma", Layout.ReportIdMa, 32);
        Number(18, "reported_tcb", Layout.ReportedTcb, 8);
        Bytes(19, "chip_id", Layout.ChipId, 64);
        Number(20, "committed_tcb", Layout.CommittedTcb, 8);
        Number(21, "current_build", Layout.CurrentVersion, 1);
        Number(22, "current_minor", Layout.CurrentVersion + 1, 1);
        Number(23, "current_major", Layout.CurrentVersion + 2, 1);
        Number(24, "committed_build", Layout.CommittedVersion, 1);
        Number(25, "committed_minor", Layout.CommittedVersion + 1, 1);
        Number(26, "committed_major", Layout.CommittedVersion + 2, 1);
        Number(27, "launch_tcb", Layout.LaunchTcb, 8);
        Bytes(28, "signature", Layout.SignatureR, Layout.Length - Layout.SignatureR);
        Processor(fields.Number(29, "cpuid1eax_fms", 4), report);
        Number(30, "launch_mit_vector", Layout.LaunchMitigationVector, 8);
        Number(31, "current_mit_vector", Layout.CurrentMitigationVector, 8);
        fields.End();
        return report;
    }

    // CPUID[1].EAX: stepping 3:0, model 7:4, family 11:8, extended model 19:16, extended family 27:20. A report has the sums.
    private static void Processor(ulong eax, byte[] report)
    {
        ulong family = (eax >> 8 & 0xF) + (eax >> 20 & 0xFF);
        report[Layout.Cpuid] = family <= byte.MaxValue ? (byte)family : throw new EvidenceFormatException("report.cpuid1eax_fms", 0, "a family of more than 8 bits");
        report[Layout.Cpuid + 1] = (byte)((eax >> 4 & 0xF) | (eax >> 12 & 0xF0));
        report[Layout.Cpuid + 2] = (byte)(eax & 0xF);
    }
}
