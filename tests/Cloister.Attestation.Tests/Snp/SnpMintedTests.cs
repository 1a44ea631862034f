using System.Security.Cryptography;
using Cloister.Attestation.Abi.Snp;
using Cloister.Attestation.Certificates;
using Cloister.Attestation.Claims;
using Cloister.Attestation.Verify;
using Cloister.Attestation.Verify.Snp;
using Cloister.Simulator.Snp;

namespace Cloister.Attestation.Tests.Snp;

/// <summary>Minted evidence that must verify: what the real samples lack, and every form evidence travels in.</summary>
public sealed class SnpMintedTests
{
    [Theory]
    [InlineData(SnpProductLine.Milan, SnpSigningKey.Vcek, 2u)]
    [InlineData(SnpProductLine.Milan, SnpSigningKey.Vcek, 3u)]
    [InlineData(SnpProductLine.Milan, SnpSigningKey.Vcek, 5u)]
    [InlineData(SnpProductLine.Milan, SnpSigningKey.Vlek, 2u)]
    [InlineData(SnpProductLine.Genoa, SnpSigningKey.Vcek, 2u)]
    [InlineData(SnpProductLine.Genoa, SnpSigningKey.Vcek, 5u)]
    [InlineData(SnpProductLine.Genoa, SnpSigningKey.Vlek, 3u)]
    [InlineData(SnpProductLine.Turin, SnpSigningKey.Vcek, 3u)]
    [InlineData(SnpProductLine.Turin, SnpSigningKey.Vcek, 5u)]
    [InlineData(SnpProductLine.Turin, SnpSigningKey.Vlek, 5u)]
    public void Every_product_key_kind_and_version_verifies(SnpProductLine product, SnpSigningKey kind, uint version)
    {
        MintedSnp evidence = MintedSnp.Valid(product, kind, version);
        VerificationResult result = evidence.Verify();
        Assert.True(result.IsAuthentic, result.Failure?.ToString());
        SnpClaims claims = Assert.IsType<SnpClaims>(result.UnappraisedClaims);
        Assert.Equal(product, claims.Product);
        Assert.Equal(evidence.Request.Tcb, claims.ReportedTcb);
        Assert.Equal(kind == SnpSigningKey.Vlek ? "CN=simulated.example" : null, claims.CspId);
        Assert.Equal(product == SnpProductLine.Turin, claims.All.TryGet("reported_tcb_fmc", out _));
        Assert.Equal(version >= 5, claims.All.TryGet(ClaimNames.LaunchMitigationVector, out _));
        Assert.False(claims.Debug);
    }

    [Fact]
    public void The_real_platform_info_of_Turin_with_bit_6_verifies() =>
        (MintedSnp.Valid(SnpProductLine.Turin, version: 5) with { Fields = MintedSnp.Valid(SnpProductLine.Turin, version: 5).Fields with { PlatformInfo = 0x65 } }).Accepts();

    [Fact]
    public void The_tcb_of_Turin_is_read_from_its_own_bytes()
    {
        SnpTcb tcb = SnpTcb.Decode(0x4D00_0000_0403_0201, SnpProductLine.Turin);
        Assert.Equal(new SnpTcb(Fmc: 1, Bootloader: 2, Tee: 3, Snp: 4, Microcode: 0x4D), tcb);
        tcb = SnpTcb.Decode(0x4D04_0000_0000_0302, SnpProductLine.Genoa);
        Assert.Equal(new SnpTcb(Fmc: 0, Bootloader: 2, Tee: 3, Snp: 4, Microcode: 0x4D), tcb);
    }

    [Fact]
    public void A_product_name_with_a_stepping_verifies()
    {
        MintedSnp evidence = MintedSnp.Valid(SnpProductLine.Milan);
        (evidence with { Request = evidence.Request with { ProductName = "Milan-B0" } }).Accepts();
    }

    [Theory]
    [InlineData(0x19, 0xA0)]
    [InlineData(0x19, 0xAF)]
    [InlineData(0x19, 0x1F)]
    public void Bergamo_and_Siena_are_Genoa(byte family, byte model)
    {
        MintedSnp evidence = MintedSnp.Valid(SnpProductLine.Genoa);
        (evidence with { Fields = evidence.Fields with { Processor = new SnpProcessor(family, model, 0) } }).Accepts();
    }

    [Fact]
    public void A_debug_policy_is_authentic_and_claimed()
    {
        MintedSnp evidence = MintedSnp.Valid(SnpProductLine.Genoa);
        VerificationResult result = (evidence with { Fields = evidence.Fields with { Policy = 0xB_0000 } }).Verify();
        Assert.True(result.IsAuthentic);
        Assert.True(result.UnappraisedClaims.Debug);
    }

    [Theory]
    [InlineData(SnpSigningKey.Vcek)]
    [InlineData(SnpSigningKey.Vlek)]
    public void An_extended_report_verifies_without_collateral(SnpSigningKey kind)
    {
        MintedSnp evidence = MintedSnp.Valid(SnpProductLine.Genoa, kind);
        SnpVendor vendor = MintedSnp.Vendor(SnpProductLine.Genoa);
        using SnpEndorsement endorsement = vendor.IssueEndorsement(evidence.Request);
        byte[] report = evidence.Report(endorsement);
        byte[] table = SnpCertificateTableWriter.Write(
            (kind == SnpSigningKey.Vcek ? SnpCertificateTableWriter.Vcek : SnpCertificateTableWriter.Vlek, endorsement.Certificate),
            (SnpCertificateTableWriter.Ask, kind == SnpSigningKey.Vcek ? vendor.Ask : vendor.Asvk),
            (SnpCertificateTableWriter.Ark, vendor.Ark),
            ("00112233-4455-6677-8899-aabbccddeeff", [1, 2, 3]));
        TrustAnchors anchors = TrustAnchors.Of(Certificate.Parse(vendor.Ark));
        VerificationTime time = VerificationTime.At(MintedSnp.Now);

        Assert.True(SnpVerifier.Verify((byte[])[.. report, .. table], SnpCollateral.None, anchors, time).IsAuthentic);
        Assert.True(SnpVerifier.Verify(report, table, SnpCollateral.None, anchors, time).IsAuthentic);
        Assert.Equal("untrusted_root", SnpVerifier.Verify(report, table, SnpCollateral.None, TrustAnchors.Amd, time).Failure?.Code);
    }

    [Fact]
    public void Collateral_with_both_key_kinds_uses_the_one_the_report_names()
    {
        SnpVendor vendor = MintedSnp.Vendor(SnpProductLine.Milan);
        foreach (SnpSigningKey kind in (SnpSigningKey[])[SnpSigningKey.Vcek, SnpSigningKey.Vlek])
        {
            MintedSnp evidence = MintedSnp.Valid(SnpProductLine.Milan, kind);
            using SnpEndorsement right = vendor.IssueEndorsement(evidence.Request);
            using SnpEndorsement other = vendor.IssueEndorsement(evidence.Request with { Kind = kind == SnpSigningKey.Vcek ? SnpSigningKey.Vlek : SnpSigningKey.Vcek });
            Assert.True(evidence.Verify(evidence.Report(right), vendor, [other.Certificate, right.Certificate]).IsAuthentic);
        }
    }

    [Fact]
    public void An_hcl_report_verifies_when_the_report_data_is_the_hash_of_its_runtime_data()
    {
        byte[] runtimeData = "{\"keys\":[]}"u8.ToArray();
        MintedSnp evidence = MintedSnp.Valid(SnpProductLine.Genoa);
        evidence = evidence with { Fields = evidence.Fields with { ReportData = SHA256.HashData(runtimeData) } };
        SnpVendor vendor = MintedSnp.Vendor(SnpProductLine.Genoa);
        using SnpEndorsement endorsement = vendor.IssueEndorsement(evidence.Request);
        byte[] hcl = SnpHclReportWriter.Write(evidence.Report(endorsement), runtimeData);

        VerificationResult result = evidence.Verify(hcl, vendor, [endorsement.Certificate]);
        Assert.True(result.IsAuthentic, result.Failure?.ToString());
        Assert.Equal(runtimeData, Assert.IsType<SnpClaims>(result.UnappraisedClaims).RuntimeData?.ToArray());

        hcl = SnpHclReportWriter.Write(evidence.Report(endorsement), "{\"keys\":[1]}"u8);
        result = evidence.Verify(hcl, vendor, [endorsement.Certificate]);
        Assert.Equal(("runtime_data", "binding_mismatch"), (result.Failure?.Step, result.Failure?.Code));
    }

    [Fact]
    public void A_current_revocation_list_that_names_neither_authority_is_fine()
    {
        byte[] list = MintedSnp.Vendor(SnpProductLine.Milan).IssueRevocationList(MintedSnp.Now.AddDays(-1), MintedSnp.Now.AddDays(30), SnpVendor.AsvkSerial);
        (MintedSnp.Valid(SnpProductLine.Milan) with { RevocationLists = [list] }).Accepts();
    }

    [Fact]
    public void Signatures_verified_before_are_remembered_and_all_else_is_still_judged()
    {
        MintedSnp evidence = MintedSnp.Valid(SnpProductLine.Milan);
        SnpVendor vendor = MintedSnp.Vendor(SnpProductLine.Milan);
        using SnpEndorsement endorsement = vendor.IssueEndorsement(evidence.Request);
        SnpCollateral collateral = new()
        {
            EndorsementKeys = [Certificate.Parse(endorsement.Certificate)],
            Authorities = PemCertificates.Parse(System.Text.Encoding.ASCII.GetBytes(vendor.ChainPem)),
        };
        TrustAnchors anchors = TrustAnchors.Of(Certificate.Parse(vendor.Ark));
        VerifiedSignatures verified = new();
        VerificationTime now = VerificationTime.At(MintedSnp.Now);
        byte[] report = evidence.Report(endorsement);
        for (int i = 0; i < 3; i++)
        {
            Assert.True(SnpVerifier.Verify(report, collateral, anchors, now, verified).IsAuthentic);
            Assert.Equal(2, verified.Count);
        }

        Assert.Equal("expired", SnpVerifier.Verify(report, collateral, anchors, VerificationTime.At(MintedSnp.Until.AddSeconds(1)), verified).Failure?.Code);
        Assert.Equal("untrusted_root", SnpVerifier.Verify(report, collateral, TrustAnchors.Amd, now, verified).Failure?.Code);

        // Another certificate of the same name is another pair.
        MintedSnp forged = evidence with { Request = evidence.Request with { WrongIssuer = true } };
        using SnpEndorsement wrong = vendor.IssueEndorsement(forged.Request);
        SnpCollateral swapped = new() { EndorsementKeys = [Certificate.Parse(wrong.Certificate)], Authorities = collateral.Authorities };
        Assert.Equal("bad_signature", SnpVerifier.Verify(forged.Report(wrong), swapped, anchors, now, verified).Failure?.Code);
        Assert.Equal(2, verified.Count);
    }
}
