using Cloister.Attestation.Abi;
using Cloister.Attestation.Abi.Snp;
using Cloister.Simulator.Snp;

namespace Cloister.Attestation.Tests.Snp;

/// <summary>Reports that are signed and are not as their version says: refused for their form, before anything is made of them.</summary>
public sealed class SnpReportFormatTests
{
    private static readonly MintedSnp Milan = MintedSnp.Valid(SnpProductLine.Milan);

    [Theory]
    [InlineData(0u)]
    [InlineData(1u)]
    [InlineData(256u)]
    [InlineData(uint.MaxValue)]
    public void Versions_that_never_were(uint version) => (Milan with { Fields = Milan.Fields with { Version = version } }).Refuses("evidence_format", "malformed");

    [Theory]
    [InlineData(6u)]
    [InlineData(255u)]
    public void Versions_that_are_newer_than_this_verifier(uint version) => (Milan with { Fields = Milan.Fields with { Version = version } }).Refuses("evidence_format", "newer_version");

    [Theory]
    [InlineData(2u)]
    [InlineData(3u)]
    [InlineData(4u)]
    [InlineData(5u)]
    public void Known_versions(uint version) => MintedSnp.Valid(SnpProductLine.Milan, version: version).Accepts();

    [Fact]
    public void Version_4_has_the_fields_of_version_3()
    {
        MintedSnp minted = MintedSnp.Valid(SnpProductLine.Genoa, version: 4);
        using SnpEndorsement endorsement = MintedSnp.Vendor(SnpProductLine.Genoa).IssueEndorsement(minted.Request);
        SnpReport report = SnpReport.Parse(minted.Report(endorsement));
        Assert.Equal(4u, report.Version);
        Assert.Equal(SnpProductLine.Genoa, report.Processor?.ProductLine);
        Assert.Null(report.CurrentMitigationVector);
    }

    [Fact]
    public void A_version_that_was_changed_fails_at_the_signature()
    {
        // Other certificates vouch for it all the same: the form is right.
        (Milan with { Tamper = report => report[0] = 4 }).Refuses("report_signature", "bad_signature");
        (Milan with { Tamper = report => report[0] = 6 }).Refuses("evidence_format", "newer_version");
    }

    [Fact]
    public void TDX_in_the_report_of_Azures_paravisor_is_named()
    {
        using SnpEndorsement endorsement = MintedSnp.Vendor(SnpProductLine.Milan).IssueEndorsement(Milan.Request);
        byte[] hcl = SnpHclReportWriter.Write(Milan.Report(endorsement), "{\"keys\":[]}"u8);
        const int ReportType = 32 + SnpReport.Length + 8;
        hcl[ReportType] = 4;
        EvidenceFormatException e = Assert.Throws<EvidenceFormatException>(() => SnpEvidence.Parse(hcl));
        Assert.Equal("unsupported", e.Code);
        Assert.Contains("TDX", e.Message, StringComparison.Ordinal);
        hcl[ReportType] = 3;
        Assert.Equal("malformed", Assert.Throws<EvidenceFormatException>(() => SnpEvidence.Parse(hcl)).Code);
    }

    [Theory]
    [InlineData(2u, 0x188)]
    [InlineData(2u, 0x18A)]
    [InlineData(2u, 0x1F8)]
    [InlineData(3u, 0x18B)]
    [InlineData(3u, 0x19F)]
    [InlineData(3u, 0x1F8)]
    [InlineData(3u, 0x207)]
    [InlineData(4u, 0x18B)]
    [InlineData(4u, 0x1F8)]
    [InlineData(4u, 0x207)]
    [InlineData(5u, 0x04C)]
    [InlineData(5u, 0x1EB)]
    [InlineData(5u, 0x1EF)]
    [InlineData(5u, 0x208)]
    [InlineData(5u, 0x29F)]
    public void Reserved_bytes_that_are_set_and_signed(uint version, int offset)
    {
        MintedSnp evidence = MintedSnp.Valid(SnpProductLine.Milan, version: version);
        (evidence with { Rewrite = report => report[offset] = 1 }).Refuses("evidence_format", "malformed");
    }

    [Theory]
    [InlineData(0x2A0 + 48)]
    [InlineData(0x2A0 + 71)]
    [InlineData(0x2E8 + 48)]
    [InlineData(0x330)]
    [InlineData(0x49F)]
    public void Bytes_behind_the_signature(int offset) => (Milan with { Tamper = report => report[offset] = 1 }).Refuses("evidence_format", "malformed");

    [Theory]
    [InlineData(0x1_0000ul)]
    [InlineData(0x403_0000ul)]
    [InlineData(0x8000_0000_0003_0000ul)]
    public void Guest_policy_with_reserved_bits(ulong policy) => (Milan with { Fields = Milan.Fields with { Policy = policy } }).Refuses("evidence_format", "malformed");

    [Theory]
    [InlineData(0x20u)]
    [InlineData(0x8000_0000u)]
    [InlineData(2u << 2)]
    [InlineData(6u << 2)]
    public void Key_information_with_reserved_values(uint flags) => (Milan with { Fields = Milan.Fields with { KeyFlags = flags } }).Refuses("evidence_format", "malformed");
}
