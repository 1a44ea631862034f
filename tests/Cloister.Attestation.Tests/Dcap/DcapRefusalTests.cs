using System.Security.Cryptography;
using System.Text;
using Cloister.Attestation.Certificates;
using Cloister.Attestation.Verify;
using Cloister.Attestation.Verify.Dcap;
using Cloister.Simulator.Dcap;

namespace Cloister.Attestation.Tests.Dcap;

/// <summary>Every step's failure, with step and code.</summary>
public sealed class DcapRefusalTests
{
    private static readonly DateTimeOffset Now = MintedDcap.Now;
    private static readonly DcapCollateralRequest Good = MintedDcap.SgxCollateral;

    [Fact]
    public void Every_step_has_a_test_of_its_failure()
    {
        string[] tested =
        [
            "parse_quote", "qe_vendor", "parse_collateral", "pck_chain", "root_ca_crl", "pck_crl", "pck_revocation", "tcb_signing_chain", "tcb_info", "qe_identity",
            "tcb_info_match", "tdx_module", "qe_report_signature", "qe_report_data", "qe_identity_match", "quote_signature", "tcb_level",
        ];
        Assert.Equal(tested, DcapVerifier.Steps.Select(s => s.Name));
        Assert.All(DcapVerifier.Steps, s => Assert.NotEmpty(s.Specification));
    }

    [Fact]
    public void Parse_quote() => AssertRefused("parse_quote", "wrong_tee", Verify(Tee.Tdx, MintedDcap.Platform.Quote(MintedDcap.SgxQuote), MintedDcap.Vendor.NewCollateral(MintedDcap.Platform, Good)));

    [Theory]
    [InlineData(2, "malformed")]
    [InlineData(6, "newer_version")]
    [InlineData(ushort.MaxValue, "malformed")]
    public void A_quote_of_another_version(int version, string code)
    {
        byte[] quote = [.. MintedDcap.Platform.Quote(MintedDcap.SgxQuote)];
        System.Buffers.Binary.BinaryPrimitives.WriteUInt16LittleEndian(quote, (ushort)version);
        AssertRefused("parse_quote", code, Verify(Tee.Sgx, quote, MintedDcap.Vendor.NewCollateral(MintedDcap.Platform, Good)));
    }

    [Theory]
    [InlineData(4, "newer_version")]
    [InlineData(0, "malformed")]
    [InlineData(1, "malformed")]
    public void A_body_of_another_type(int type, string code)
    {
        byte[] quote = [.. MintedDcap.Platform.Quote(MintedDcap.Tdx15(new TdReportFields { TeeTcbSvn2 = new byte[16] }))];
        System.Buffers.Binary.BinaryPrimitives.WriteUInt16LittleEndian(quote.AsSpan(48), (ushort)type);
        AssertRefused("parse_quote", code, Verify(Tee.Tdx, quote, MintedDcap.Vendor.NewCollateral(MintedDcap.Platform, MintedDcap.TdxCollateral)));
    }

    [Theory]
    [InlineData(3, "unsupported")]
    [InlineData(1, "malformed")]
    public void An_attestation_key_of_another_type(byte type, string code)
    {
        byte[] quote = [.. MintedDcap.Platform.Quote(MintedDcap.SgxQuote)];
        quote[2] = type;
        AssertRefused("parse_quote", code, Verify(Tee.Sgx, quote, MintedDcap.Vendor.NewCollateral(MintedDcap.Platform, Good)));
    }

    [Fact]
    public void Collateral_of_another_version_is_named_before_the_fields_that_it_has_more()
    {
        DcapCollateral collateral = MintedDcap.Vendor.NewCollateral(MintedDcap.Platform, Good);
        byte[] Newer(ReadOnlyMemory<byte> json, string known) =>
            Encoding.UTF8.GetBytes(Encoding.UTF8.GetString(json.Span).Replace($"\"version\":{known}", "\"ofALaterVersion\":{\"version\":1},\"version\":4", StringComparison.Ordinal));
        AssertRefused("parse_collateral", "newer_version", Verify(Tee.Sgx, MintedDcap.Platform.Quote(MintedDcap.SgxQuote), collateral with { TcbInfo = Newer(collateral.TcbInfo, "3") }));
        AssertRefused("parse_collateral", "newer_version", Verify(Tee.Sgx, MintedDcap.Platform.Quote(MintedDcap.SgxQuote), collateral with { QeIdentity = Newer(collateral.QeIdentity, "2") }));
    }

    [Fact]
    public void Collateral_of_another_version()
    {
        DcapCollateral collateral = MintedDcap.Vendor.NewCollateral(MintedDcap.Platform, Good);
        byte[] Newer(ReadOnlyMemory<byte> json, string known) =>
            Encoding.UTF8.GetBytes(Encoding.UTF8.GetString(json.Span).Replace($"\"version\":{known}", "\"version\":9", StringComparison.Ordinal));
        AssertRefused("parse_collateral", "newer_version", Verify(Tee.Sgx, MintedDcap.Platform.Quote(MintedDcap.SgxQuote), collateral with { TcbInfo = Newer(collateral.TcbInfo, "3") }));
        AssertRefused("parse_collateral", "newer_version", Verify(Tee.Sgx, MintedDcap.Platform.Quote(MintedDcap.SgxQuote), collateral with { QeIdentity = Newer(collateral.QeIdentity, "2") }));
    }

    [Fact]
    public void Tcb_info_and_qe_identity_may_have_different_signers()
    {
        using DcapAuthority second = MintedDcap.Vendor.Root.Issue("Simulated SGX TCB Signing", isAuthority: false, Now.AddYears(-1), Now.AddYears(1));
        DcapCollateralRequest two = Good with { QeSigner = second };
        Assert.True(MintedDcap.VerifySgx(collateral: two).IsAuthentic);
        Assert.True(MintedDcap.VerifyTdx(collateral: two with { Tee = Tee.Tdx }).IsAuthentic);

        // Each counts for what it signed, and is as good as the other has to be.
        byte[] quote = MintedDcap.Platform.Quote(MintedDcap.SgxQuote);
        DcapCollateral collateral = MintedDcap.Vendor.NewCollateral(MintedDcap.Platform, two);
        AssertRefused("qe_identity", "bad_signature", Verify(Tee.Sgx, quote, collateral with { QeIdentityChain = default }));
        AssertRefused("tcb_info", "bad_signature", Verify(Tee.Sgx, quote, collateral with { TcbSigningChain = collateral.QeIdentityChain }));
        AssertRefused("tcb_signing_chain", "revoked", MintedDcap.VerifySgx(collateral: two with { RevokeQeSigner = true }));
        AssertRefused("tcb_signing_chain", "expired", MintedDcap.VerifySgx(collateral: two with { QeSigner = Ended() }));
        AssertRefused("tcb_signing_chain", "wrong_certificate", MintedDcap.VerifySgx(collateral: two with { QeSigner = MintedDcap.Vendor.PlatformCa }));
        using DcapVendor other = DcapVendor.Create(Now.AddYears(-1));
        AssertRefused("pck_revocation", "different_roots", Verify(
            Tee.Sgx, quote, collateral with { QeIdentity = other.NewCollateral(MintedDcap.Platform, Good).QeIdentity, QeIdentityChain = other.NewCollateral(MintedDcap.Platform, Good).TcbSigningChain }));

        // Collateral that was verified before is looked at again with each quote: the second certificate too.
        using DcapAuthority brief = MintedDcap.Vendor.Root.Issue("Simulated SGX TCB Signing", isAuthority: false, Now.AddYears(-1), Now.AddDays(1));
        VerifiedDcapCollateral verified = DcapVerifier.VerifyCollateral(
            MintedDcap.Vendor.NewCollateral(MintedDcap.Platform, Good with { QeSigner = brief }), MintedDcap.Vendor.Anchors, VerificationTime.At(Now), out _)!;
        AssertRefused("collateral_validity", "expired", DcapVerifier.Verify(Tee.Sgx, quote, verified, VerificationTime.At(Now.AddDays(2))));
        Assert.Contains(verified.Items, item => item.Name == "qe_identity_chain" && item.EndsAt == brief.Certificate.NotAfter);

        static DcapAuthority Ended() => MintedDcap.Vendor.Root.Issue("Simulated SGX TCB Signing", isAuthority: false, Now.AddYears(-1), Now.AddDays(-1));
    }

    [Fact]
    public void Qe_vendor() => AssertRefused("qe_vendor", "unknown_vendor", MintedDcap.VerifySgx(MintedDcap.SgxQuote with { QeVendorId = new byte[16] }));

    [Fact]
    public void Parse_collateral()
    {
        DcapCollateral collateral = MintedDcap.Vendor.NewCollateral(MintedDcap.Platform, Good);
        foreach (DcapCollateral bad in (DcapCollateral[])
        [
            collateral with { TcbInfo = default }, collateral with { QeIdentity = "{}"u8.ToArray() }, collateral with { PckCrl = new byte[10] }, collateral with { RootCaCrl = default },
            collateral with { TcbSigningChain = default }, collateral with { PckCrlIssuerChain = "-----BEGIN CERTIFICATE-----"u8.ToArray() }, collateral with { TcbInfo = collateral.QeIdentity },
        ])
        {
            AssertRefused("parse_collateral", "malformed", Verify(Tee.Sgx, MintedDcap.Platform.Quote(MintedDcap.SgxQuote), bad));
        }
    }

    [Fact]
    public void Pck_chain()
    {
        using DcapVendor other = DcapVendor.Create(Now.AddYears(-1));
        using DcapPlatform foreign = other.NewPlatform(new DcapPlatformRequest());
        AssertRefused("pck_chain", "untrusted_root", Verify(Tee.Sgx, foreign.Quote(MintedDcap.SgxQuote), other.NewCollateral(foreign, Good)));

        IReadOnlyList<Certificate> chain = MintedDcap.Platform.PckChain;
        AssertRefused("pck_chain", "chain_length", MintedDcap.VerifySgx(MintedDcap.SgxQuote with { Chain = [chain[0], chain[2]] }));
        AssertRefused("pck_chain", "chain_length", MintedDcap.VerifySgx(MintedDcap.SgxQuote with { Chain = [chain[0]] }));
        AssertRefused("pck_chain", "chain_length", MintedDcap.VerifySgx(MintedDcap.SgxQuote with { Chain = [chain[0], chain[1], chain[1], chain[2]] }));
        AssertRefused("pck_chain", "malformed", MintedDcap.VerifySgx(MintedDcap.SgxQuote with { Chain = [.. Enumerable.Repeat(chain[1], 100)] }));
        AssertRefused("pck_chain", "wrong_certificate", MintedDcap.VerifySgx(MintedDcap.SgxQuote with { Chain = [chain[1], chain[0], chain[2]] }));
        AssertRefused("pck_chain", "wrong_certificate", MintedDcap.VerifySgx(MintedDcap.SgxQuote with { Chain = [MintedDcap.Vendor.TcbSigning.Certificate, chain[1], chain[2]] }));
        AssertRefused("pck_chain", "bad_signature", MintedDcap.VerifySgx(MintedDcap.SgxQuote with { Chain = [foreign.PckChain[0], chain[1], chain[2]] }));
        AssertRefused("pck_chain", "bad_signature", MintedDcap.VerifySgx(MintedDcap.SgxQuote with { Chain = [chain[0], MintedDcap.Vendor.ProcessorCa.Certificate, chain[2]] }));

        using DcapPlatform late = MintedDcap.Vendor.NewPlatform(new DcapPlatformRequest { PckNotBefore = Now.AddHours(1) });
        AssertRefused("pck_chain", "not_yet_valid", MintedDcap.VerifySgx(platform: late));
        using DcapPlatform early = MintedDcap.Vendor.NewPlatform(new DcapPlatformRequest { PckNotAfter = Now.AddHours(-1) });
        AssertRefused("pck_chain", "expired", MintedDcap.VerifySgx(platform: early));
        using DcapPlatform nobody = MintedDcap.Vendor.NewPlatform(new DcapPlatformRequest { PckCommonName = "Simulated TLS" });
        AssertRefused("pck_chain", "wrong_certificate", MintedDcap.VerifySgx(platform: nobody));
        using DcapPlatform mixed = MintedDcap.Vendor.NewPlatform(new DcapPlatformRequest { IssuedByPlatformCa = false });
        AssertRefused("pck_chain", "wrong_certificate", MintedDcap.VerifySgx(platform: mixed));
    }

    [Fact]
    public void A_leaf_of_another_curve_is_refused()
    {
        DcapAuthority ca = MintedDcap.Vendor.PlatformCa;
        using DcapAuthority leaf = ca.Issue("Simulated SGX PCK Certificate", false, Now.AddDays(-1), Now.AddDays(1), curve: ECCurve.NamedCurves.nistP384);
        AssertRefused("pck_chain", "wrong_algorithm", MintedDcap.VerifySgx(MintedDcap.SgxQuote with { Chain = [leaf.Certificate, ca.Certificate, MintedDcap.Vendor.Root.Certificate] }));
    }

    [Fact]
    public void A_leaf_under_a_leaf_is_refused()
    {
        // The TCB signing certificate is under the root but is no authority, whatever name is under it.
        using DcapAuthority fake = MintedDcap.Vendor.Root.Issue("Simulated SGX PCK Platform CA", isAuthority: false, Now.AddDays(-1), Now.AddDays(1));
        using DcapAuthority leaf = fake.Issue("Simulated SGX PCK Certificate", false, Now.AddDays(-1), Now.AddDays(1));
        AssertRefused("pck_chain", "not_an_authority", MintedDcap.VerifySgx(MintedDcap.SgxQuote with { Chain = [leaf.Certificate, fake.Certificate, MintedDcap.Vendor.Root.Certificate] }));
    }

    [Fact]
    public void Root_ca_crl()
    {
        AssertRefused("root_ca_crl", "expired", MintedDcap.VerifySgx(collateral: Good with { RootCrlNextUpdate = Now.AddSeconds(-1) }));
        AssertRefused("root_ca_crl", "not_yet_valid", MintedDcap.VerifySgx(collateral: Good with { RootCrlThisUpdate = Now.AddSeconds(1) }));
        AssertRefused("root_ca_crl", "revoked", MintedDcap.VerifySgx(collateral: Good with { RevokePckAuthority = true }));
        DcapCollateral collateral = MintedDcap.Vendor.NewCollateral(MintedDcap.Platform, Good);
        AssertRefused("root_ca_crl", "bad_signature", Verify(Tee.Sgx, MintedDcap.Platform.Quote(MintedDcap.SgxQuote), collateral with { RootCaCrl = collateral.PckCrl }));
    }

    [Fact]
    public void Pck_crl()
    {
        AssertRefused("pck_crl", "expired", MintedDcap.VerifySgx(collateral: Good with { CrlNextUpdate = Now.AddSeconds(-1) }));
        AssertRefused("pck_crl", "not_yet_valid", MintedDcap.VerifySgx(collateral: Good with { CrlThisUpdate = Now.AddSeconds(1) }));
        DcapCollateral collateral = MintedDcap.Vendor.NewCollateral(MintedDcap.Platform, Good);
        AssertRefused("pck_crl", "bad_signature", Verify(Tee.Sgx, MintedDcap.Platform.Quote(MintedDcap.SgxQuote), collateral with { PckCrl = collateral.RootCaCrl }));
        AssertRefused("pck_crl", "wrong_certificate", Verify(Tee.Sgx, MintedDcap.Platform.Quote(MintedDcap.SgxQuote), collateral with { PckCrlIssuerChain = collateral.TcbSigningChain }));
    }

    [Fact]
    public void Pck_revocation()
    {
        AssertRefused("pck_revocation", "revoked", MintedDcap.VerifySgx(collateral: Good with { RevokePck = true }));
        AssertRefused("pck_revocation", "wrong_crl", MintedDcap.VerifySgx(collateral: Good with { CrlOfOtherAuthority = true }));

        // Two roots that are both pinned do not vouch for each other.
        using DcapVendor other = DcapVendor.Create(Now.AddYears(-1));
        DcapCollateral collateral = MintedDcap.Vendor.NewCollateral(MintedDcap.Platform, Good);
        DcapCollateral foreign = other.NewCollateral(MintedDcap.Platform, Good);
        VerificationResult result = DcapVerifier.Verify(
            Tee.Sgx, MintedDcap.Platform.Quote(MintedDcap.SgxQuote),
            collateral with { TcbInfo = foreign.TcbInfo, QeIdentity = foreign.QeIdentity, TcbSigningChain = foreign.TcbSigningChain },
            TrustAnchors.Of(MintedDcap.Vendor.Root.Certificate, other.Root.Certificate), VerificationTime.At(Now));
        AssertRefused("pck_revocation", "different_roots", result);
    }

    [Fact]
    public void Tcb_signing_chain()
    {
        AssertRefused("tcb_signing_chain", "revoked", MintedDcap.VerifySgx(collateral: Good with { RevokeTcbSigning = true }));
        DcapCollateral collateral = MintedDcap.Vendor.NewCollateral(MintedDcap.Platform, Good);
        byte[] wrong = DcapVendor.Pem(MintedDcap.Platform.PckChain[0], MintedDcap.Vendor.Root.Certificate);
        AssertRefused("tcb_signing_chain", "wrong_certificate", Verify(Tee.Sgx, MintedDcap.Platform.Quote(MintedDcap.SgxQuote), collateral with { TcbSigningChain = wrong }));
        byte[] three = DcapVendor.Pem(MintedDcap.Vendor.TcbSigning.Certificate, MintedDcap.Vendor.PlatformCa.Certificate, MintedDcap.Vendor.Root.Certificate);
        AssertRefused("tcb_signing_chain", "chain_length", Verify(Tee.Sgx, MintedDcap.Platform.Quote(MintedDcap.SgxQuote), collateral with { TcbSigningChain = three }));
    }

    [Fact]
    public void Tcb_info()
    {
        AssertRefused("tcb_info", "expired", MintedDcap.VerifySgx(collateral: Good with { NextUpdate = Now.AddSeconds(-1), CrlNextUpdate = Now.AddDays(1), RootCrlNextUpdate = Now.AddDays(1) }));
        AssertRefused("tcb_info", "not_yet_valid", MintedDcap.VerifySgx(collateral: Good with { IssueDate = Now.AddSeconds(1), CrlThisUpdate = Now, RootCrlThisUpdate = Now }));
        AssertRefused("tcb_info", "bad_signature", WithText(c => c with { TcbInfo = Replace(c.TcbInfo, "\"tcbType\":0", "\"tcbType\": 0") }));
        AssertRefused("tcb_info", "bad_signature", WithText(c => c with { TcbInfo = Replace(c.TcbInfo, "UpToDate\"", "OutOfDate\"") }));
    }

    [Fact]
    public void Qe_identity()
    {
        AssertRefused("qe_identity", "expired", MintedDcap.VerifySgx(collateral: Good with { QeNextUpdate = Now.AddSeconds(-1) }));
        AssertRefused("qe_identity", "not_yet_valid", MintedDcap.VerifySgx(collateral: Good with { QeIssueDate = Now.AddSeconds(1) }));
        AssertRefused("qe_identity", "bad_signature", WithText(c => c with { QeIdentity = Replace(c.QeIdentity, "\"isvprodid\":1", "\"isvprodid\":2") }));
    }

    [Fact]
    public void Tcb_info_match()
    {
        AssertRefused("tcb_info_match", "wrong_tee", MintedDcap.VerifySgx(collateral: MintedDcap.TdxCollateral));
        AssertRefused("tcb_info_match", "wrong_tee", MintedDcap.VerifyTdx(collateral: MintedDcap.SgxCollateral));
        AssertRefused("tcb_info_match", "wrong_fmspc", MintedDcap.VerifySgx(collateral: Good with { Fmspc = new byte[6] }));
        AssertRefused("tcb_info_match", "wrong_pceid", MintedDcap.VerifySgx(collateral: Good with { PceId = new byte[] { 0, 1 } }));
        AssertRefused("tcb_info_match", "wrong_qe_identity", MintedDcap.VerifySgx(collateral: Good with { QeId = "TD_QE" }));
        AssertRefused("tcb_info_match", "wrong_qe_identity", MintedDcap.VerifySgx(collateral: Good with { QeId = "QVE" }));
        AssertRefused("tcb_info_match", "wrong_qe_identity", MintedDcap.VerifyTdx(collateral: MintedDcap.TdxCollateral with { QeId = "QE" }));
    }

    [Fact]
    public void Tdx_module()
    {
        AssertRefused("tdx_module", "wrong_mrsignerseam", MintedDcap.VerifyTdx(Td(new TdReportFields { MrSignerSeam = MintedDcap.Bytes(48, 1) })));
        AssertRefused("tdx_module", "wrong_seamattributes", MintedDcap.VerifyTdx(Td(new TdReportFields { SeamAttributes = MintedDcap.Bytes(8, 1) })));
        AssertRefused("tdx_module", "wrong_seamattributes", MintedDcap.VerifyTdx(
            Td(new TdReportFields { SeamAttributes = MintedDcap.Bytes(8, 1) }),
            MintedDcap.TdxCollateral with { TdxModules = [new SimulatedTdxModule("TDX_01", new SimulatedIsvSvnLevel(0, "UpToDate")) { Attributes = MintedDcap.Bytes(8, 1) }] }));
        AssertRefused("tdx_module", "unknown_module", MintedDcap.VerifyTdx(Td(new TdReportFields { TeeTcbSvn = new byte[] { 5, 2, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0 } })));
        AssertRefused("tdx_module", "wrong_mrsignerseam", MintedDcap.VerifyTdx(Td(new TdReportFields { TeeTcbSvn = new byte[] { 5, 0, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0 } }), MintedDcap.TdxCollateral with { TdxModuleMrSigner = MintedDcap.Bytes(48, 2) }));
    }

    [Fact]
    public void Qe_report_signature() =>
        AssertRefused("qe_report_signature", "bad_signature", MintedDcap.VerifySgx(MintedDcap.SgxQuote with { QeReportSigner = MintedDcap.Vendor.TcbSigning }));

    [Fact]
    public void Qe_report_data()
    {
        AssertRefused("qe_report_data", "wrong_binding", MintedDcap.VerifySgx(MintedDcap.SgxQuote with { QeReportData = new byte[64] }));
        AssertRefused("qe_report_data", "wrong_binding", MintedDcap.VerifySgx(MintedDcap.SgxQuote with { QeReportData = MintedDcap.Bytes(64, 1) }));
    }

    [Fact]
    public void Qe_identity_match()
    {
        EnclaveReportFields qe = MintedDcap.SgxQuote.QeReport;
        AssertRefused("qe_identity_match", "wrong_mrsigner", Qe(qe with { MrSigner = new byte[32] }));
        AssertRefused("qe_identity_match", "wrong_isvprodid", Qe(qe with { IsvProdId = 2 }));
        AssertRefused("qe_identity_match", "wrong_miscselect", Qe(qe with { MiscSelect = 1 }));
        AssertRefused("qe_identity_match", "wrong_attributes", Qe(qe with { Flags = 0x31 }));
        AssertRefused("qe_identity_match", "debug", Qe(qe with { Flags = 0x13 }));
        AssertRefused("qe_identity_match", "not_supported", Qe(qe with { IsvSvn = 1 }));
    }

    [Fact]
    public void Quote_signature()
    {
        byte[] quote = MintedDcap.Platform.Quote(MintedDcap.SgxQuote);
        quote[368] ^= 1;
        AssertRefused("quote_signature", "bad_signature", Verify(Tee.Sgx, quote, MintedDcap.Vendor.NewCollateral(MintedDcap.Platform, Good)));
    }

    [Fact]
    public void Tcb_level()
    {
        AssertRefused("tcb_level", "tcb_not_supported", MintedDcap.VerifySgx(collateral: Good with { Levels = [new(MintedDcap.Bytes(16, 255), 0, [], "UpToDate")] }));
        AssertRefused("tcb_level", "tcb_not_supported", MintedDcap.VerifySgx(collateral: Good with { Levels = [new(new byte[16], 14, [], "UpToDate")] }));
        AssertRefused("tcb_level", "tcb_not_supported", MintedDcap.VerifyTdx(Td(new TdReportFields { TeeTcbSvn = new byte[] { 2, 1, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0 } })));
    }

    [Fact]
    public void Collateral_verified_before_does_not_outlive_its_dates()
    {
        VerifiedDcapCollateral collateral = DcapVerifier.VerifyCollateral(
            MintedDcap.Vendor.NewCollateral(MintedDcap.Platform, Good), MintedDcap.Vendor.Anchors, VerificationTime.At(Now), out _)!;
        byte[] quote = MintedDcap.Platform.Quote(MintedDcap.SgxQuote);
        Assert.Equal(Good.NextUpdate, collateral.NextUpdate);
        Assert.True(DcapVerifier.Verify(Tee.Sgx, quote, collateral, VerificationTime.At(Good.NextUpdate)).IsAuthentic);
        AssertRefused("collateral_validity", "expired", DcapVerifier.Verify(Tee.Sgx, quote, collateral, VerificationTime.At(Good.NextUpdate.AddSeconds(1))));
        AssertRefused("collateral_validity", "not_yet_valid", DcapVerifier.Verify(Tee.Sgx, quote, collateral, VerificationTime.At(Good.IssueDate.AddSeconds(-1))));
    }

    private static DcapQuoteRequest Td(TdReportFields report) => MintedDcap.TdxQuote with { Body = report.Encode() };

    private static VerificationResult Qe(EnclaveReportFields report) => MintedDcap.VerifySgx(MintedDcap.SgxQuote with { QeReport = report });

    private static VerificationResult WithText(Func<DcapCollateral, DcapCollateral> change) =>
        Verify(Tee.Sgx, MintedDcap.Platform.Quote(MintedDcap.SgxQuote), change(MintedDcap.Vendor.NewCollateral(MintedDcap.Platform, Good)));

    private static byte[] Replace(ReadOnlyMemory<byte> json, string find, string replace)
    {
        string text = System.Text.Encoding.ASCII.GetString(json.Span);
        Assert.Contains(find, text, StringComparison.Ordinal);
        return System.Text.Encoding.ASCII.GetBytes(text.Replace(find, replace, StringComparison.Ordinal));
    }

    private static VerificationResult Verify(Tee tee, byte[] quote, DcapCollateral collateral) =>
        DcapVerifier.Verify(tee, quote, collateral, MintedDcap.Vendor.Anchors, VerificationTime.At(Now));

    private static void AssertRefused(string step, string code, VerificationResult result)
    {
        Assert.False(result.IsAuthentic);
        Assert.Null(result.UnappraisedClaims);
        Assert.True((step, code) == (result.Failure.Step, result.Failure.Code), result.Failure.ToString());
    }
}
