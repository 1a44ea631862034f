using System.Text;
using Cloister.Attestation.Abi;
using Cloister.Attestation.Abi.Snp;
using Cloister.Attestation.Azure;
using Cloister.Attestation.Certificates;
using Cloister.Attestation.Tests.Evidence;
using Cloister.Attestation.Verify;
using Cloister.Attestation.Verify.Snp;
using Cloister.Simulator.Snp;

namespace Cloister.Attestation.Tests.Snp;

/// <summary>Bytes made to hurt: each refused by a step with a code, without an exception, in time.</summary>
public sealed class SnpHostileInputTests
{
    private static readonly VerificationTime Now = VerificationTime.At(MintedSnp.Now);
    private static readonly MintedSnp Milan = MintedSnp.Valid(SnpProductLine.Milan);

    public static TheoryData<string> Samples => ["minted", .. EvidenceDirectory.Cases("snp").Select(d => Path.GetFileName(d))];

    [Theory, MemberData(nameof(Samples))]
    public void Every_flipped_byte_of_a_report_is_refused(string sample)
    {
        (byte[] report, byte[] key, IReadOnlyList<Certificate> authorities, TrustAnchors anchors, VerificationTime time) = Sample(sample);
        SnpCollateral collateral = new() { EndorsementKeys = [Certificate.Parse(key)], Authorities = authorities };
        VerifiedSignatures verified = new();
        Assert.True(SnpVerifier.Verify(report, collateral, anchors, time, verified).IsAuthentic);
        for (int i = 0; i < report.Length; i++)
        {
            byte[] flipped = [.. report];
            flipped[i] ^= (byte)(1 << (i % 8));
            VerificationResult result = SnpVerifier.Verify(flipped, collateral, anchors, time, verified);
            Assert.False(result.IsAuthentic, $"offset {i:x}");
            Assert.NotEmpty(result.Failure.Code);
        }
    }

    [Theory, MemberData(nameof(Samples))]
    public void Every_flipped_byte_of_a_certificate_is_refused(string sample)
    {
        (byte[] report, byte[] key, IReadOnlyList<Certificate> authorities, TrustAnchors anchors, VerificationTime time) = Sample(sample);
        for (int i = 0; i < key.Length; i++)
        {
            byte[] flipped = [.. key];
            flipped[i] ^= (byte)(1 << (i % 8));
            Certificate certificate;
            try
            {
                certificate = Certificate.Parse(flipped);
            }
            catch (EvidenceFormatException)
            {
                continue;
            }

            VerificationResult result = SnpVerifier.Verify(report, new() { EndorsementKeys = [certificate], Authorities = authorities }, anchors, time);
            Assert.False(result.IsAuthentic, $"offset {i}");
        }
    }

    [Theory, MemberData(nameof(Samples))]
    public void Every_truncation_is_malformed(string sample)
    {
        (byte[] report, byte[] key, _, TrustAnchors anchors, VerificationTime time) = Sample(sample);
        for (int length = 0; length < report.Length; length++)
        {
            Assert.Equal("malformed", SnpVerifier.Verify(report.AsMemory(0, length), SnpCollateral.None, anchors, time).Failure?.Code);
        }

        for (int length = 0; length < key.Length; length++)
        {
            Assert.Throws<EvidenceFormatException>(() => Certificate.Parse(key.AsMemory(0, length)));
        }
    }

    [Fact]
    public void Every_truncation_of_an_extended_report_is_refused()
    {
        (byte[] extended, int end, TrustAnchors anchors) = Extended();
        Assert.True(SnpVerifier.Verify(extended.AsMemory(0, end), SnpCollateral.None, anchors, Now).IsAuthentic);
        for (int length = 0; length < end; length++)
        {
            VerificationResult result = SnpVerifier.Verify(extended.AsMemory(0, length), SnpCollateral.None, anchors, Now);
            Assert.False(result.IsAuthentic, $"length {length}");
            Assert.Contains(result.Failure.Code, (string[])["malformed", "missing_certificate"]);
        }
    }

    [Fact]
    public void Every_truncation_of_an_hcl_report_is_malformed()
    {
        SnpVendor vendor = MintedSnp.Vendor(SnpProductLine.Milan);
        using SnpEndorsement endorsement = vendor.IssueEndorsement(Milan.Request);
        byte[] runtimeData = "{\"keys\":[]}"u8.ToArray();
        byte[] hcl = SnpHclReportWriter.Write(Milan.Report(endorsement), runtimeData);
        for (int length = 0; length < HclReport.HeaderLength + runtimeData.Length; length++)
        {
            Assert.Throws<EvidenceFormatException>(() => SnpEvidence.Parse(hcl.AsMemory(0, length)));
        }

        foreach (int offset in (int[])[0, 4, 8, 12, 16, 20, 31, 1216, 1220, 1224, 1228, 1232, hcl.Length - 1])
        {
            byte[] changed = [.. hcl];
            changed[offset] ^= 0x10;
            Assert.Throws<EvidenceFormatException>(() => SnpEvidence.Parse(changed));
        }
    }

    [Fact]
    public void Noise_is_malformed()
    {
        Random random = new(7);
        for (int round = 0; round < 200; round++)
        {
            byte[] noise = new byte[round < 4 ? 64 * 1024 : round < 100 ? SnpReport.Length : random.Next(4096)];
            random.NextBytes(noise);
            if (round % 3 == 0 && noise.Length > 4)
            {
                (round % 2 == 0 ? "HCLA"u8 : [3, 0, 0, 0]).CopyTo(noise);
            }

            Assert.Equal(("evidence_format", "malformed"), Refusal(SnpVerifier.Verify(noise, SnpCollateral.None, TrustAnchors.Amd, Now)));
            Assert.Throws<EvidenceFormatException>(() => Certificate.Parse(noise));
            Assert.Throws<EvidenceFormatException>(() => RevocationList.Parse(noise));
            Assert.Throws<EvidenceFormatException>(() => PemCertificates.Parse(noise));
        }
    }

    [Fact]
    public void Evidence_above_the_limit_is_malformed()
    {
        Assert.Equal(("evidence_format", "malformed"), Refusal(SnpVerifier.Verify(new byte[SnpEvidence.MaximumLength + 1], SnpCollateral.None, TrustAnchors.Amd, Now)));
        Assert.Equal(
            ("evidence_format", "malformed"),
            Refusal(SnpVerifier.Verify(new byte[SnpReport.Length], new byte[SnpEvidence.MaximumLength + 1], SnpCollateral.None, TrustAnchors.Amd, Now)));
    }

    [Theory]
    [InlineData(0u, 0u)]
    [InlineData(24u, 1u)]
    [InlineData(48u, uint.MaxValue)]
    [InlineData(uint.MaxValue, 1u)]
    [InlineData(uint.MaxValue, uint.MaxValue)]
    [InlineData(49u, 100u)]
    public void Table_entries_outside_the_data_are_malformed(uint offset, uint length)
    {
        byte[] table = new byte[100];
        new Guid(SnpCertificateTableWriter.Vcek).TryWriteBytes(table, bigEndian: true, out _);
        BitConverter.TryWriteBytes(table.AsSpan(16), offset);
        BitConverter.TryWriteBytes(table.AsSpan(20), length);
        Assert.Throws<EvidenceFormatException>(() => SnpCertificateTable.Parse(table));
    }

    [Fact]
    public void Tables_without_end_with_too_many_entries_or_two_of_a_kind_are_malformed()
    {
        Assert.Throws<EvidenceFormatException>(() => SnpCertificateTable.Parse(Enumerable.Repeat((byte)0xFF, 240).ToArray()));
        Assert.Throws<EvidenceFormatException>(() => SnpCertificateTable.Parse(new byte[23]));
        Assert.Empty(SnpCertificateTable.Parse(new byte[24]).Entries);
        (string, byte[]) entry = (SnpCertificateTableWriter.Vcek, [1]);
        Assert.Throws<EvidenceFormatException>(() => SnpCertificateTable.Parse(SnpCertificateTableWriter.Write(entry, entry)));
        (string, byte[])[] many = [.. Enumerable.Range(1, 17).Select(i => (new Guid(i, 0, 0, new byte[8]).ToString(), new byte[] { 1 }))];
        Assert.Throws<EvidenceFormatException>(() => SnpCertificateTable.Parse(SnpCertificateTableWriter.Write(many)));
        Assert.Equal(16, SnpCertificateTable.Parse(SnpCertificateTableWriter.Write(many[..16])).Entries.Count);
    }

    [Fact]
    public void A_table_with_junk_for_certificates_is_malformed()
    {
        SnpVendor vendor = MintedSnp.Vendor(SnpProductLine.Milan);
        using SnpEndorsement endorsement = vendor.IssueEndorsement(Milan.Request);
        byte[] table = SnpCertificateTableWriter.Write((SnpCertificateTableWriter.Vcek, [.. Enumerable.Repeat((byte)0x30, 9000)]));
        Assert.Equal(("signing_key", "malformed"), Refusal(SnpVerifier.Verify(Milan.Report(endorsement), table, SnpCollateral.None, TrustAnchors.Amd, Now)));
        table = SnpCertificateTableWriter.Write((SnpCertificateTableWriter.Vcek, endorsement.Certificate), (SnpCertificateTableWriter.Ask, []));
        Assert.Equal(("certificate_chain", "malformed"), Refusal(SnpVerifier.Verify(Milan.Report(endorsement), table, SnpCollateral.None, TrustAnchors.Amd, Now)));
    }

    [Fact]
    public void Deep_nesting_in_certificates_is_malformed()
    {
        // Sequences of correct lengths, each in the next, as many as the limit on size lets through.
        byte[] deep = [0x30, 0x00];
        while (deep.Length < Certificate.MaximumLength - 8)
        {
            deep = deep.Length < 0x80 ? [0x30, (byte)deep.Length, .. deep]
                : deep.Length < 0x100 ? [0x30, 0x81, (byte)deep.Length, .. deep]
                : [0x30, 0x82, (byte)(deep.Length >> 8), (byte)(deep.Length & 0xFF), .. deep];
        }

        Assert.Throws<EvidenceFormatException>(() => Certificate.Parse(deep));
        Assert.Throws<EvidenceFormatException>(() => RevocationList.Parse(deep));
    }

    [Fact]
    public void Chains_of_one_and_of_a_hundred_are_refused()
    {
        SnpVendor vendor = MintedSnp.Vendor(SnpProductLine.Milan);
        string pem = string.Concat(Enumerable.Repeat(System.Security.Cryptography.PemEncoding.WriteString("CERTIFICATE", vendor.Ask) + "\n", 100));
        Assert.Throws<EvidenceFormatException>(() => PemCertificates.Parse(Encoding.ASCII.GetBytes(pem)));
        (Milan with { Authorities = [vendor.Ark] }).Refuses("certificate_chain", "missing_issuer");
        (Milan with { Authorities = [vendor.Ask] }).Refuses("certificate_chain", "missing_root");
        (Milan with { Authorities = [.. Enumerable.Repeat(vendor.Asvk, 100)] }).Refuses("certificate_chain", "missing_issuer");
    }

    private static (string? Step, string? Code) Refusal(VerificationResult result) => (result.Failure?.Step, result.Failure?.Code);

    private static (byte[] Bytes, int End, TrustAnchors Anchors) Extended()
    {
        SnpVendor vendor = MintedSnp.Vendor(SnpProductLine.Milan);
        using SnpEndorsement endorsement = vendor.IssueEndorsement(Milan.Request);
        (string, byte[])[] entries =
            [(SnpCertificateTableWriter.Vcek, endorsement.Certificate), (SnpCertificateTableWriter.Ask, vendor.Ask), (SnpCertificateTableWriter.Ark, vendor.Ark)];
        byte[] table = SnpCertificateTableWriter.Write(entries);
        int end = SnpReport.Length + (24 * (entries.Length + 1)) + entries.Sum(e => e.Item2.Length);
        return ([.. Milan.Report(endorsement), .. table], end, TrustAnchors.Of(Certificate.Parse(vendor.Ark)));
    }

    private static (byte[] Report, byte[] Key, IReadOnlyList<Certificate> Authorities, TrustAnchors Anchors, VerificationTime Time) Sample(string name)
    {
        if (name == "minted")
        {
            SnpVendor vendor = MintedSnp.Vendor(SnpProductLine.Milan);
            using SnpEndorsement endorsement = vendor.IssueEndorsement(Milan.Request);
            return (Milan.Report(endorsement), endorsement.Certificate, PemCertificates.Parse(Encoding.ASCII.GetBytes(vendor.ChainPem)),
                TrustAnchors.Of(Certificate.Parse(vendor.Ark)), Now);
        }

        SnpCase evidence = SnpCase.Get(name);
        return (evidence.Report, evidence.Key, PemCertificates.Parse(evidence.Chain), TrustAnchors.Amd, evidence.ReferenceTime);
    }
}
