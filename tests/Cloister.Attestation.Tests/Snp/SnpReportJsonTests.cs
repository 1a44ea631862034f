using System.Text.Json;
using System.Text.Json.Nodes;
using Cloister.Attestation.Abi;
using Cloister.Attestation.Abi.Snp;
using Cloister.Attestation.Tests.Evidence;
using Cloister.Simulator.Snp;

namespace Cloister.Attestation.Tests.Snp;

public sealed class SnpReportJsonTests
{
    [Theory]
    [InlineData(SnpProductLine.Milan, 2u)]
    [InlineData(SnpProductLine.Milan, 3u)]
    [InlineData(SnpProductLine.Genoa, 5u)]
    [InlineData(SnpProductLine.Turin, 5u)]
    public void BothGenerationsGiveTheBytesBack(SnpProductLine product, uint version)
    {
        byte[] report = Minted(product, version);
        Assert.Equal(report, Read(SevCrateJson.Old(report)));
        Assert.Equal(report, Read(SevCrateJson.New(report, product)));
    }

    [Fact]
    public void RealReportsComeBackByteForByte()
    {
        EvidenceDirectory.Require();
        foreach (SnpCase item in SnpCase.All())
        {
            byte[] report = item.Report[..Math.Min(item.Report.Length, SnpReport.Length)];
            SnpProductLine product = item.Directory.Contains("turin", StringComparison.Ordinal) ? SnpProductLine.Turin : SnpProductLine.Milan;
            if (report.Length == SnpReport.Length && BitConverter.ToUInt32(report, 0) is 2 or 3 or 5)
            {
                Assert.Equal(report, Read(SevCrateJson.Old(report)));
                Assert.Equal(report, Read(SevCrateJson.New(report, product)));
            }
        }
    }

    public static TheoryData<string, string> Wrong => new()
    {
        { "version", "\"2\"" }, { "version", "4294967296" }, { "version", "-1" }, { "policy", "1.5" }, { "policy", "null" }, { "policy", "18446744073709551616" },
        { "measurement", "[]" }, { "measurement", "\"AAAA\"" }, { "measurement", "null" }, { "chip_id", "[" + string.Join(',', Enumerable.Repeat("256", 64)) + "]" },
        { "chip_id", "[" + string.Join(',', Enumerable.Repeat("\"1\"", 64)) + "]" }, { "current_tcb", "3" }, { "current_tcb", """{"bootloader":1,"spl":2}""" },
        { "current_tcb", """{"bootloader":256}""" }, { "current_tcb", """{"fmc":1,"_reserved":[0,0,0,0]}""" }, { "signature", """{"r":[1]}""" }, { "signature", """{"t":[1]}""" }, { "signature", "[]" },
        { "current", """{"patch":1}""" }, { "cpuid_fam_id", "256" }, { "of_a_later_version", "1" },
    };

    [Theory]
    [MemberData(nameof(Wrong))]
    public void AnotherFormIsRefusedByName(string member, string value)
    {
        JsonObject json = SevCrateJson.New(Minted(SnpProductLine.Milan, 3), SnpProductLine.Milan);
        json[member] = JsonNode.Parse(value);
        EvidenceFormatException refused = Assert.Throws<EvidenceFormatException>(() => Read(json));
        Assert.Contains("attestation_report", refused.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void WhatIsNotAnObjectIsRefused() => Assert.Throws<EvidenceFormatException>(() => SnpReportJson.Read(JsonDocument.Parse("[]").RootElement));

    private static byte[] Read(JsonObject json) => SnpReportJson.Read(JsonDocument.Parse(json.ToJsonString()).RootElement);

    private static byte[] Minted(SnpProductLine product, uint version)
    {
        MintedSnp minted = MintedSnp.Valid(product, version: version);
        using SnpEndorsement endorsement = MintedSnp.Vendor(product).IssueEndorsement(minted.Request);
        return minted.Report(endorsement);
    }
}
