using Cloister.Attestation.Abi.Snp;
using Cloister.Attestation.Certificates;
using Cloister.Attestation.Verify.Snp;
using Cloister.Simulator.Snp;

namespace Cloister.Attestation.Tests.Snp;

/// <summary>Every failure of every step, by minted evidence that is right in all other respects: signed anew after each change.</summary>
public sealed class SnpRefusalTests
{
    private static readonly MintedSnp Milan = MintedSnp.Valid(SnpProductLine.Milan);
    private static readonly MintedSnp Turin = MintedSnp.Valid(SnpProductLine.Turin, version: 5);

    [Fact]
    public void The_steps_are_those_of_the_check_list_in_its_order() => Assert.Equal(
        ["evidence_format", "signature_algorithm", "signing_key", "product", "certificate_chain", "revocation", "report_signature", "reported_tcb", "chip_id", "runtime_data"],
        SnpVerifier.StepNames);

    [Theory]
    [InlineData(0u)]
    [InlineData(2u)]
    public void Unknown_signature_algorithm(uint algorithm) =>
        (Milan with { Fields = Milan.Fields with { SignatureAlgorithm = algorithm } }).Refuses("signature_algorithm", "unknown_algorithm");

    [Fact]
    public void A_report_that_says_it_is_not_signed() =>
        (Milan with { Fields = Milan.Fields with { SigningKey = SnpSigningKey.None } }).Refuses("signing_key", "not_signed");

    [Fact]
    public void A_report_whose_chip_key_is_masked() => (Milan with { Fields = Milan.Fields with { KeyFlags = 2 } }).Refuses("signing_key", "chip_key_masked");

    [Fact]
    public void A_VLEK_certificate_for_a_report_that_names_the_VCEK() =>
        (Milan with { Request = Milan.Request with { Kind = SnpSigningKey.Vlek } }).Refuses("signing_key", "kind_mismatch");

    [Fact]
    public void A_VCEK_certificate_for_a_report_that_names_the_VLEK() =>
        (Milan with { Fields = Milan.Fields with { SigningKey = SnpSigningKey.Vlek } }).Refuses("signing_key", "kind_mismatch");

    [Fact]
    public void A_VCEK_by_name_without_a_hardware_id() =>
        (Milan with { Request = Milan.Request with { HardwareId = null } }).Refuses("signing_key", "kind_mismatch");

    [Fact]
    public void A_certificate_with_hardware_id_and_provider() =>
        (Milan with { Request = Milan.Request with { ForceBothIds = true } }).Refuses("signing_key", "kind_mismatch");

    [Theory]
    [InlineData("VCEK")]
    [InlineData("SEV-VCEK2")]
    [InlineData("SEV-VLEK")]
    public void Another_common_name(string name) => (Milan with { Request = Milan.Request with { CommonName = name } }).Refuses("signing_key", "kind_mismatch");

    [Fact]
    public void A_P256_endorsement_key() => (Milan with { Request = Milan.Request with { WithP256Key = true }, Tamper = r => r.AsSpan(0x2C0, 16).Clear() })
        .Refuses("signing_key", "wrong_key_type");

    [Theory]
    [InlineData("1")]
    [InlineData("2")]
    [InlineData("3.1")]
    [InlineData("3.2")]
    [InlineData("3.3")]
    [InlineData("3.8")]
    public void A_missing_extension(string arcs) => (Milan with { Request = Milan.Request with { Omit = [arcs] } }).Refuses("signing_key", "malformed");

    [Theory]
    [InlineData("3.1", new byte[] { 2, 2, 1, 0 })]
    [InlineData("3.1", new byte[] { 2, 1, 0xFF })]
    [InlineData("3.1", new byte[] { 2, 2, 0, 3 })]
    [InlineData("3.1", new byte[] { 2, 1, 3, 0 })]
    [InlineData("3.1", new byte[] { 4, 1, 3 })]
    [InlineData("3.1", new byte[] { 3 })]
    [InlineData("3.5", new byte[] { 2, 1, 1 })]
    [InlineData("2", new byte[] { 0x0C, 5, 0x4D, 0x69, 0x6C, 0x61, 0x6E })]
    [InlineData("2", new byte[] { 0x16, 0 })]
    public void An_extension_of_another_form(string arcs, byte[] value) =>
        (Milan with { Request = Milan.Request with { Replace = new Dictionary<string, byte[]> { [arcs] = value } } }).Refuses("signing_key", "malformed");

    [Theory]
    [InlineData("Naples")]
    [InlineData("Milanese")]
    [InlineData("milan")]
    [InlineData("Milan-")]
    [InlineData("Milan-B0-B1")]
    public void An_unknown_product(string name) => (Milan with { Request = Milan.Request with { ProductName = name } }).Refuses("product", "unknown_product");

    [Theory]
    [InlineData(0x19, 0x11, "product_mismatch")]
    [InlineData(0x19, 0xA1, "product_mismatch")]
    [InlineData(0x1A, 0x02, "product_mismatch")]
    [InlineData(0x19, 0x20, "unknown_product")]
    [InlineData(0x17, 0x01, "unknown_product")]
    [InlineData(0x1A, 0x12, "newer_product")]
    [InlineData(0x1A, 0x50, "newer_product")]
    [InlineData(0x1B, 0x00, "newer_product")]
    public void A_report_of_another_processor(byte family, byte model, string code) =>
        (Milan with { Fields = Milan.Fields with { Processor = new SnpProcessor(family, model, 0) } }).Refuses("product", code);

    [Fact]
    public void A_Turin_certificate_without_the_FMC_level() => (Turin with { Request = Turin.Request with { WithFmc = false } }).Refuses("product", "product_mismatch");

    [Fact]
    public void A_Milan_certificate_with_an_FMC_level() => (Milan with { Request = Milan.Request with { WithFmc = true } }).Refuses("product", "product_mismatch");

    [Fact]
    public void Another_products_chain()
    {
        SnpVendor genoa = MintedSnp.Vendor(SnpProductLine.Genoa);
        (Milan with { Authorities = [genoa.Ask, genoa.Ark, genoa.Asvk] }).Refuses("certificate_chain", "missing_issuer");
    }

    [Fact]
    public void Another_products_ASK_under_the_right_ARK()
    {
        SnpVendor genoa = MintedSnp.Vendor(SnpProductLine.Genoa);
        (Milan with { Authorities = [genoa.Ask, MintedSnp.Vendor(SnpProductLine.Milan).Ark] }).Refuses("certificate_chain", "missing_issuer");
    }

    [Fact]
    public void A_certificate_of_one_product_line_issued_by_another() =>
        (Milan with { Request = Milan.Request with { ProductName = "Genoa" }, Fields = Milan.Fields with { Processor = new SnpProcessor(0x19, 0x11, 1) } })
            .Refuses("certificate_chain", "missing_issuer");

    [Fact]
    public void A_missing_root() => (Milan with { Authorities = [MintedSnp.Vendor(SnpProductLine.Milan).Ask] }).Refuses("certificate_chain", "missing_root");

    [Theory]
    [InlineData(SnpSigningKey.Vcek)]
    [InlineData(SnpSigningKey.Vlek)]
    public void A_key_issued_by_the_other_authority(SnpSigningKey kind)
    {
        MintedSnp evidence = MintedSnp.Valid(SnpProductLine.Milan, kind);
        (evidence with { Request = evidence.Request with { WrongIssuer = true } }).Refuses("certificate_chain", "bad_signature");
    }

    [Fact]
    public void A_root_that_is_not_pinned() => (Milan with { Anchors = TrustAnchors.Amd }).Refuses("certificate_chain", "untrusted_root");

    [Fact]
    public void A_pinned_ASK_is_not_a_root()
    {
        SnpVendor vendor = MintedSnp.Vendor(SnpProductLine.Milan);
        (Milan with { Anchors = TrustAnchors.Of(Certificate.Parse(vendor.Ask)) }).Refuses("certificate_chain", "untrusted_root");
    }

    [Fact]
    public void Another_vendors_root_of_the_same_name()
    {
        using SnpAuthorityKeys keys = SnpAuthorityKeys.Create();
        SnpVendor other = new(SnpProductLine.Milan, keys, MintedSnp.From, MintedSnp.Until);
        SnpVendor vendor = MintedSnp.Vendor(SnpProductLine.Milan);
        (Milan with { Authorities = [vendor.Ask, other.Ark] }).Refuses("certificate_chain", "untrusted_root");
        (Milan with { Authorities = [other.Ask, vendor.Ark] }).Refuses("certificate_chain", "bad_signature");
        (Milan with { Authorities = [vendor.Ask, other.Ark], Anchors = TrustAnchors.Of(Certificate.Parse(other.Ark)) }).Refuses("certificate_chain", "bad_signature");
    }

    [Fact]
    public void An_expired_endorsement_key() =>
        (Milan with { Request = Milan.Request with { NotAfter = MintedSnp.Now.AddSeconds(-1) } }).Refuses("certificate_chain", "expired");

    [Fact]
    public void An_endorsement_key_of_the_future() =>
        (Milan with { Request = Milan.Request with { NotBefore = MintedSnp.Now.AddSeconds(1) } }).Refuses("certificate_chain", "not_yet_valid");

    [Fact]
    public void Authorities_outside_their_validity()
    {
        SnpEndorsementRequest request = Milan.Request with { NotBefore = MintedSnp.From.AddYears(-9), NotAfter = MintedSnp.Until.AddYears(9) };
        (Milan with { Request = request, At = MintedSnp.Until.AddSeconds(1) }).Refuses("certificate_chain", "expired");
        (Milan with { Request = request, At = MintedSnp.From.AddSeconds(-1) }).Refuses("certificate_chain", "not_yet_valid");
    }

    [Fact]
    public void An_unknown_critical_extension() =>
        (Milan with { Request = Milan.Request with { WithUnknownCriticalExtension = true } }).Refuses("certificate_chain", "critical_extension");

    [Fact]
    public void Revoked_authorities()
    {
        SnpVendor vendor = MintedSnp.Vendor(SnpProductLine.Milan);
        DateTimeOffset from = MintedSnp.Now.AddDays(-1);
        DateTimeOffset until = MintedSnp.Now.AddDays(1);
        (Milan with { RevocationLists = [vendor.IssueRevocationList(from, until, 0x77, SnpVendor.AskSerial)] }).Refuses("revocation", "revoked");
        MintedSnp vlek = MintedSnp.Valid(SnpProductLine.Milan, SnpSigningKey.Vlek);
        (vlek with { RevocationLists = [vendor.IssueRevocationList(from, until, 0x77), vendor.IssueRevocationList(from, until, SnpVendor.AsvkSerial)] }).Refuses("revocation", "revoked");
    }

    [Fact]
    public void Revocation_lists_that_are_stale_early_or_anothers()
    {
        SnpVendor vendor = MintedSnp.Vendor(SnpProductLine.Milan);
        (Milan with { RevocationLists = [vendor.IssueRevocationList(MintedSnp.Now.AddDays(-9), MintedSnp.Now.AddDays(-1))] }).Refuses("revocation", "expired");
        (Milan with { RevocationLists = [vendor.IssueRevocationList(MintedSnp.Now.AddDays(1), MintedSnp.Now.AddDays(9))] }).Refuses("revocation", "not_yet_valid");
        SnpVendor genoa = MintedSnp.Vendor(SnpProductLine.Genoa);
        (Milan with { RevocationLists = [genoa.IssueRevocationList(MintedSnp.Now.AddDays(-1), MintedSnp.Now.AddDays(9))] }).Refuses("revocation", "bad_signature");
    }

    [Fact]
    public void A_report_signed_by_another_chip_of_the_same_id()
    {
        SnpVendor vendor = MintedSnp.Vendor(SnpProductLine.Milan);
        using SnpEndorsement one = vendor.IssueEndorsement(Milan.Request);
        using SnpEndorsement other = vendor.IssueEndorsement(Milan.Request);
        Assert.Equal("bad_signature", Milan.Verify(Milan.Report(one), vendor, [other.Certificate]).Failure?.Code);
    }

    [Theory]
    [InlineData(0, 1, 0, 0, 0, SnpProductLine.Milan)]
    [InlineData(0, 0, 1, 0, 0, SnpProductLine.Milan)]
    [InlineData(0, 0, 0, 1, 0, SnpProductLine.Milan)]
    [InlineData(0, 0, 0, 0, 1, SnpProductLine.Milan)]
    [InlineData(1, 0, 0, 0, 0, SnpProductLine.Turin)]
    [InlineData(0, 1, 0, 0, 0, SnpProductLine.Turin)]
    [InlineData(0, 0, 1, 0, 0, SnpProductLine.Turin)]
    [InlineData(0, 0, 0, 1, 0, SnpProductLine.Turin)]
    [InlineData(0, 0, 0, 0, 1, SnpProductLine.Turin)]
    public void A_certificate_of_another_level(byte fmc, byte bootloader, byte tee, byte snp, byte microcode, SnpProductLine product)
    {
        MintedSnp evidence = MintedSnp.Valid(product, version: 5);
        SnpTcb tcb = evidence.Request.Tcb;
        SnpTcb off = new((byte)(tcb.Fmc + fmc), (byte)(tcb.Bootloader + bootloader), (byte)(tcb.Tee + tee), (byte)(tcb.Snp + snp), (byte)(tcb.Microcode - microcode));
        (evidence with { Request = evidence.Request with { Tcb = off } }).Refuses("reported_tcb", "tcb_mismatch");
    }

    [Fact]
    public void A_Turin_report_with_the_older_layout_of_levels()
    {
        ulong older = Turin.Request.Tcb.Encode(SnpProductLine.Genoa);
        (Turin with { Fields = Turin.Fields with { ReportedTcb = older } }).Refuses("reported_tcb", "reserved_bits");
    }

    [Fact]
    public void Levels_with_reserved_bits() =>
        (Milan with { Fields = Milan.Fields with { LaunchTcb = Milan.Fields.ReportedTcb | 1UL << 20 } }).Refuses("reported_tcb", "reserved_bits");

    [Fact]
    public void Another_chips_VCEK()
    {
        byte[] other = [.. Enumerable.Repeat((byte)7, 64)];
        (Milan with { Fields = Milan.Fields with { ChipId = other } }).Refuses("chip_id", "chip_id_mismatch");
        (Turin with { Fields = Turin.Fields with { ChipId = other[..8] } }).Refuses("chip_id", "chip_id_mismatch");
    }

    [Fact]
    public void A_masked_chip_id() => (Milan with { Fields = Milan.Fields with { ChipId = [] } }).Refuses("chip_id", "chip_id_masked");

    [Fact]
    public void A_Turin_chip_id_with_more_than_8_bytes() =>
        (Turin with { Fields = Turin.Fields with { ChipId = [.. Turin.Request.HardwareId!, 1] } }).Refuses("chip_id", "chip_id_mismatch");

    [Fact]
    public void A_hardware_id_of_another_products_length()
    {
        (Milan with { Request = Milan.Request with { HardwareId = Turin.Request.HardwareId } }).Refuses("chip_id", "hardware_id_length");
        (Turin with { Request = Turin.Request with { HardwareId = Milan.Request.HardwareId } }).Refuses("chip_id", "hardware_id_length");
        (Milan with { Request = Milan.Request with { HardwareId = [] } }).Refuses("chip_id", "hardware_id_length");
    }

    [Fact]
    public void No_endorsement_at_all()
    {
        SnpVendor vendor = MintedSnp.Vendor(SnpProductLine.Milan);
        using SnpEndorsement endorsement = vendor.IssueEndorsement(Milan.Request);
        Assert.Equal("missing_certificate", Milan.Verify(Milan.Report(endorsement), vendor, []).Failure?.Code);
    }
}
