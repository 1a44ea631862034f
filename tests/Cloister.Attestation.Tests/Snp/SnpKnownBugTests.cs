using Cloister.Attestation.Abi.Snp;
using Cloister.Attestation.Certificates;
using Cloister.Attestation.Claims;
using Cloister.Attestation.Verify;
using Cloister.Simulator.Snp;

namespace Cloister.Attestation.Tests.Snp;

/// <summary>Bugs and advisories of other SEV-SNP verifiers and of the platform, each by the name it is known by.</summary>
public sealed class SnpKnownBugTests
{
    private static readonly MintedSnp Milan = MintedSnp.Valid(SnpProductLine.Milan);
    private static readonly MintedSnp Turin = MintedSnp.Valid(SnpProductLine.Turin, version: 5);

    [Fact]
    public void Trustee_78962cd_the_chip_id_is_compared_under_the_real_common_name_and_for_8_bytes()
    {
        using SnpEndorsement endorsement = MintedSnp.Vendor(SnpProductLine.Milan).IssueEndorsement(Milan.Request);
        Assert.Equal("SEV-VCEK", Certificate.Parse(endorsement.Certificate).CommonName);
        (Milan with { Rewrite = r => r[0x1A0] ^= 1 }).Refuses("chip_id", "chip_id_mismatch");
        (Turin with { Rewrite = r => r[0x1A7] ^= 1 }).Refuses("chip_id", "chip_id_mismatch");
        (Turin with { Rewrite = r => r[0x1DF] ^= 1 }).Refuses("chip_id", "chip_id_mismatch");
        Turin.Accepts();
    }

    [Fact]
    public void Snpguest_159_the_hardware_id_check_is_reached() => (Milan with { Rewrite = r => r[0x1DF] ^= 0x80 }).Refuses("chip_id", "chip_id_mismatch");

    [Theory]
    [InlineData(0x02, 0x3E)]
    [InlineData(0x04, 0x3E)]
    [InlineData(0x04, 0x40)]
    [InlineData(0x30, 0x3E)]
    public void Snpguest_38_a_hardware_id_that_looks_like_DER_is_raw(byte first, byte second)
    {
        byte[] chip = [first, second, .. Enumerable.Repeat((byte)9, 62)];
        (Milan with { Request = Milan.Request with { HardwareId = chip }, Fields = Milan.Fields with { ChipId = chip } }).Accepts();
        byte[] wrapped = [0x04, 0x40, .. chip];
        (Milan with { Request = Milan.Request with { HardwareId = wrapped }, Fields = Milan.Fields with { ChipId = chip } }).Refuses("chip_id", "hardware_id_length");
    }

    [Fact]
    public void Trustee_version_2_does_not_name_the_product_so_the_certificate_does()
    {
        // The product line then rests on the certificate alone, and its chain must be that product's.
        MintedSnp old = MintedSnp.Valid(SnpProductLine.Genoa, version: 2);
        Assert.Equal(SnpProductLine.Genoa, Assert.IsType<SnpClaims>(old.Verify().UnappraisedClaims).Product);
        (old with { Request = old.Request with { ProductName = "Milan" } }).Refuses("certificate_chain", "missing_issuer");
    }

    [Fact]
    public void Go_sev_guest_165_and_199_Turin_and_bit_6_of_the_platform_info()
    {
        VerificationResult result = (Turin with { Fields = Turin.Fields with { PlatformInfo = 0x65 } }).Verify();
        Assert.True(result.IsAuthentic, result.Failure?.ToString());
        SnpClaims claims = Assert.IsType<SnpClaims>(result.UnappraisedClaims);
        Assert.Equal(0x65ul, claims.Report.PlatformInfo.Value);
        Assert.Equal((byte)2, claims.ReportedTcb.Fmc);
    }

    [Fact]
    public void AMDSEV_285_version_5_with_a_chip_id_of_8_bytes()
    {
        VerificationResult result = Turin.Verify();
        Assert.True(result.IsAuthentic, result.Failure?.ToString());
        (Turin with { Request = Turin.Request with { HardwareId = [.. Turin.Request.HardwareId!, .. new byte[56]] } }).Refuses("chip_id", "hardware_id_length");
    }

    [Theory]
    [InlineData("3.1", "3.1.1")]
    [InlineData("3.8", "3.80")]
    [InlineData("2", "2.1")]
    [InlineData("4", "4.1")]
    public void TEE_Attestation_Verification_147_extensions_are_not_matched_by_prefix(string arcs, string longer)
    {
        byte[] value = arcs switch
        {
            "2" => [0x16, 5, .. "Milan"u8],
            "4" => Milan.Request.HardwareId!,
            _ => [2, 1, 3],
        };
        MintedSnp evidence = Milan with { Request = Milan.Request with { Omit = [arcs], Replace = new Dictionary<string, byte[]> { [longer] = value } } };
        evidence.Refuses("signing_key", arcs == "4" ? "kind_mismatch" : "malformed");
    }

    [Fact]
    public void TEE_Attestation_Verification_147_a_missing_hardware_id_is_refused() =>
        (Milan with { Request = Milan.Request with { Omit = ["4"] } }).Refuses("signing_key", "kind_mismatch");

    [Fact]
    public void TEE_Attestation_Verification_152_the_signing_key_bits_count() =>
        (Milan with { Fields = Milan.Fields with { SigningKey = SnpSigningKey.Vlek, ChipId = [] } }).Refuses("signing_key", "kind_mismatch");

    [Fact]
    public void TEE_Attestation_Verification_152_the_chain_is_judged_at_the_given_time_and_against_the_list()
    {
        (Milan with { At = MintedSnp.Until.AddSeconds(1) }).Refuses("certificate_chain", "expired");
        byte[] list = MintedSnp.Vendor(SnpProductLine.Milan).IssueRevocationList(MintedSnp.Now.AddDays(-1), MintedSnp.Now.AddDays(1), SnpVendor.AskSerial);
        (Milan with { RevocationLists = [list] }).Refuses("revocation", "revoked");
    }

    [Fact]
    public void VLEK_confusion_the_report_chooses_the_authority()
    {
        // An ASVK's certificate for something called SEV-VCEK, and an ASK's for something called SEV-VLEK.
        (Milan with { Request = Milan.Request with { WrongIssuer = true } }).Refuses("certificate_chain", "bad_signature");
        MintedSnp vlek = MintedSnp.Valid(SnpProductLine.Milan, SnpSigningKey.Vlek);
        (vlek with { Request = vlek.Request with { WrongIssuer = true } }).Refuses("certificate_chain", "bad_signature");
    }

    [Fact]
    public void A_user_supplied_ARK_must_be_the_pinned_one() => (Milan with { Anchors = TrustAnchors.Amd }).Refuses("certificate_chain", "untrusted_root");

    [Fact]
    public void AMD_SB_3015_BadRAM_the_alias_check_is_a_claim()
    {
        foreach ((ulong info, bool complete) in new[] { (0x25ul, true), (0x05ul, false) })
        {
            SnpClaims claims = Assert.IsType<SnpClaims>((Milan with { Fields = Milan.Fields with { PlatformInfo = info } }).Verify().UnappraisedClaims);
            Assert.Equal(complete, claims.Report.PlatformInfo.AliasCheckComplete);
            Assert.True(claims.All.TryGet(ClaimNames.PlatformInfo, out ClaimValue? value));
            Assert.Equal(info, value.Number);
        }
    }
}
