using Cloister.Attestation.Abi.Snp;
using Cloister.Attestation.Certificates;
using Cloister.Attestation.Inspect;
using Cloister.Attestation.Verify;

namespace Cloister.Attestation.Tests.Snp;

/// <summary>The one table of product lines, and what hangs on it.</summary>
public sealed class SnpProductTests
{
    [Theory]
    [InlineData(0x19, 0x01, "Milan")]
    [InlineData(0x19, 0x11, "Genoa")]
    [InlineData(0x19, 0xA0, "Genoa")]
    [InlineData(0x19, 0xAF, "Genoa")]
    [InlineData(0x1A, 0x00, "Turin")]
    [InlineData(0x1A, 0x11, "Turin")]
    [InlineData(0x1A, 0x57, "Venice")]
    [InlineData(0x1A, 0xC0, "Venice")]
    [InlineData(0x19, 0x20, null)]
    [InlineData(0x1A, 0x12, null)]
    [InlineData(0x17, 0x01, null)]
    public void A_processor_is_of_one_row(byte family, byte model, string? name) => Assert.Equal(name, SnpProduct.Of(new SnpProcessor(family, model, 1))?.Name);

    [Fact]
    public void Rows_do_not_overlap_and_agree_with_the_names_and_the_roots()
    {
        for (int model = 0; model < 0x10000; model++)
        {
            SnpProcessor processor = new((byte)(model >> 8), (byte)(model & 0xFF), 0);
            Assert.True(SnpProduct.All.Count(product => product.Models.Any(models => models.Has(processor))) <= 1, $"{processor} is of two rows");
        }

        Assert.Equal(Enum.GetValues<SnpProductLine>(), SnpProduct.WithKeys.Select(product => product.Line!.Value));
        Assert.Equal(SnpProduct.WithKeys.Count, TrustAnchors.Amd.All.Count);
        foreach (SnpProduct product in SnpProduct.All)
        {
            Assert.Equal(product.Line, SnpProductNames.Find(product.Name));
            Assert.Equal(product.Line is null, product.RootSha256 is null);
        }
    }

    [Theory]
    [InlineData(2u)]
    [InlineData(5u)]
    [InlineData(6u)]
    public void A_report_is_recognised_whatever_its_version(uint version)
    {
        MintedSnp minted = MintedSnp.Valid(SnpProductLine.Milan, version: 2);
        using Simulator.Snp.SnpEndorsement endorsement = MintedSnp.Vendor(SnpProductLine.Milan).IssueEndorsement(minted.Request);
        byte[] report = minted.Report(endorsement);
        report[0] = (byte)version;
        Assert.Equal(Tee.Snp, EvidenceInspector.Recognise(report));
        Abi.EvidenceFormatException? refused = Record.Exception(() => EvidenceInspector.Inspect(Tee.Snp, report)) as Abi.EvidenceFormatException;
        Assert.Equal(version > 5 ? "newer_version" : null, refused?.Code);
    }

    [Fact]
    public void A_real_report_whose_version_was_changed_fails_at_the_signature()
    {
        // Made of a real one of Genoa: all but the signature is as in one of version 4.
        string more = Path.Combine(Evidence.EvidenceDirectory.Require(), "more");
        SnpCase genoa = SnpCase.Get("snp-microsoft-genoa-v3");
        VerificationResult changed = genoa.Verify(report: File.ReadAllBytes(Path.Combine(more, "v4_from_genoa.bin")));
        Assert.Equal(("report_signature", "bad_signature"), (changed.Failure?.Step, changed.Failure?.Code));
        Assert.True(genoa.Verify(report: File.ReadAllBytes(Path.Combine(more, "ms_genoa_attestation_report.bin"))).IsAuthentic);
    }
}
