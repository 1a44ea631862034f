using System.Text;
using Cloister.Attestation.Abi.Dcap;
using Cloister.Attestation.Appraise;
using Cloister.Attestation.Appraise.Rules;
using Cloister.Attestation.Claims;
using Cloister.Attestation.Verify;
using Cloister.Attestation.Verify.Dcap;
using Cloister.Simulator.Dcap;

namespace Cloister.Attestation.Tests.Dcap;

/// <summary>Vulnerabilities and bugs of other verifiers of SGX and TDX evidence, each by its name.</summary>
public sealed class DcapKnownBugTests
{
    private static readonly DateTimeOffset Now = MintedDcap.Now;

    [Fact]
    public void CVE_2026_22696_GHSA_796p_j2gh_9m2q_a_forged_qe_and_a_forged_qe_identity_are_refused()
    {
        // An enclave of the attacker's on a real platform, as quoting enclave.
        EnclaveReportFields own = MintedDcap.SgxQuote.QeReport with { MrSigner = MintedDcap.Bytes(32, 0xAA) };
        Assert.Equal("wrong_mrsigner", MintedDcap.VerifySgx(MintedDcap.SgxQuote with { QeReport = own }).Failure?.Code);

        // And an identity for it that nobody at the vendor signed.
        using DcapAuthority attacker = DcapAuthority.CreateRoot("Simulated SGX Root CA", Now.AddYears(-1), Now.AddYears(1));
        DcapCollateral collateral = MintedDcap.Vendor.NewCollateral(MintedDcap.Platform, MintedDcap.SgxCollateral);
        using DcapVendor other = DcapVendor.Create(Now.AddYears(-1));
        DcapCollateral forged = other.NewCollateral(MintedDcap.Platform, MintedDcap.SgxCollateral with { QeMrSigner = MintedDcap.Bytes(32, 0xAA) });
        byte[] quote = MintedDcap.Platform.Quote(MintedDcap.SgxQuote with { QeReport = own });
        Assert.Equal(("qe_identity", "bad_signature"), Refusal(quote, collateral with { QeIdentity = forged.QeIdentity }));
        Assert.Equal(("tcb_signing_chain", "untrusted_root"), Refusal(quote, collateral with { QeIdentity = forged.QeIdentity, TcbSigningChain = forged.TcbSigningChain }, expectEarlier: "pck_revocation"));
    }

    [Fact]
    public void Dcap_qvl_124_138_the_tdx_module_identity_is_checked_and_unknown_fields_are_not_dropped()
    {
        DcapCollateralRequest collateral = MintedDcap.TdxCollateral with
        {
            TdxModules = [new SimulatedTdxModule("TDX_01", new SimulatedIsvSvnLevel(0, "UpToDate")) { MrSigner = MintedDcap.Bytes(48, 9) }],
        };
        Assert.Equal("wrong_mrsignerseam", MintedDcap.VerifyTdx(collateral: collateral).Failure?.Code);
        Assert.Equal("unknown_module", MintedDcap.VerifyTdx(collateral: MintedDcap.TdxCollateral with { TdxModules = [] }).Failure?.Code);

        byte[] info = MintedDcap.Vendor.NewCollateral(MintedDcap.Platform, MintedDcap.TdxCollateral).TcbInfo.ToArray();
        string text = Encoding.ASCII.GetString(info).Replace("\"tcbType\":0", "\"tcbType\":0,\"tdxSomethingNew\":[]", StringComparison.Ordinal);
        Assert.Contains("unknown field", Assert.Throws<Abi.EvidenceFormatException>(() => TcbInfo.Parse(Encoding.ASCII.GetBytes(text))).Problem, StringComparison.Ordinal);
    }

    [Fact]
    public void Dcap_qvl_124_module_ids_are_compared_without_case()
    {
        DcapCollateralRequest collateral = MintedDcap.TdxCollateral with { TdxModules = [new SimulatedTdxModule("tdx_0a", new SimulatedIsvSvnLevel(0, "UpToDate"))] };
        Assert.True(MintedDcap.VerifyTdx(MintedDcap.TdxQuote with { Body = new TdReportFields { TeeTcbSvn = new byte[] { 5, 10, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0 } }.Encode() }, collateral).IsAuthentic);
    }

    [Fact]
    public void Dcap_qvl_127_the_qe_vendor_id_is_compared() =>
        Assert.Equal("qe_vendor", MintedDcap.VerifySgx(MintedDcap.SgxQuote with { QeVendorId = MintedDcap.Bytes(16, 7) }).Failure?.Step);

    [Fact]
    public void Dcap_qvl_demands_32_bytes_of_qe_auth_data_a_quote_without_any_is_valid() =>
        Assert.True(MintedDcap.VerifySgx(MintedDcap.SgxQuote with { QeAuthData = default }).IsAuthentic);

    [Fact]
    public void Dcap_qvl_takes_the_worst_status_intel_converges_to_out_of_date_configuration_needed()
    {
        DcapQuoteRequest quote = MintedDcap.SgxQuote with { QeReport = MintedDcap.SgxQuote.QeReport with { IsvSvn = 4 } };
        VerificationResult result = MintedDcap.VerifySgx(quote, MintedDcap.SgxCollateral with { Levels = [new SimulatedTcbLevel(new byte[16], 0, [], "ConfigurationNeeded")] });
        Assert.Equal(TcbStatus.OutOfDateConfigurationNeeded, result.UnappraisedClaims?.TcbStatus);
    }

    [Fact]
    public void Bitrouter_566_a_caller_cannot_take_an_out_of_date_platform_for_trusted()
    {
        // Authentic is all the result says: there is no way to the accepted evidence but through a policy, and the policy must speak about the status.
        VerificationResult result = MintedDcap.VerifySgx(collateral: MintedDcap.SgxCollateral with { Levels = [new SimulatedTcbLevel(new byte[16], 0, [], "OutOfDate")] });
        Assert.True(result.IsAuthentic);
        Assert.DoesNotContain(typeof(VerificationResult).GetProperties(), p => p.Name.Contains("Trust", StringComparison.Ordinal) || p.Name.Contains("Accept", StringComparison.Ordinal));
        Assert.Empty(typeof(AppraisedEvidence).GetConstructors());
        AppraisalPolicy silent = new("silent about the status", new PolicySection(Tee.Sgx, [new DebugRule()], RequiredRules.For(Tee.Sgx).Except(["debug", "tcb.statuses"])));
        Assert.Equal("missing_rule", Assert.Single(Appraiser.Appraise(result, silent).Failures).Code);
    }

    [Fact]
    public void Automata_155_a_revoked_level_of_the_quotes_own_tee_decides()
    {
        byte[] platform = MintedDcap.Platform.Request.TcbComponents.ToArray();
        DcapCollateralRequest collateral = MintedDcap.TdxCollateral with
        {
            Levels = [new(platform, 13, [9, 0, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0], "UpToDate"), new(platform, 13, new byte[16], "Revoked")],
        };
        VerificationResult result = MintedDcap.VerifyTdx(collateral: collateral);
        Assert.Equal(TcbStatus.Revoked, result.UnappraisedClaims?.TcbStatus);
        AppraisalPolicy anything = new("anything", new PolicySection(Tee.Tdx, [], RequiredRules.For(Tee.Tdx)));
        Assert.Equal("revoked", Assert.Single(Appraiser.Appraise(result, anything).Failures).Code);
    }

    [Fact]
    public void Aleph_vm_1195_old_collateral_that_intel_did_sign_is_refused()
    {
        // All certificates are valid for years; only the dates in the JSON are past.
        DcapCollateralRequest old = MintedDcap.SgxCollateral with { IssueDate = Now.AddDays(-200), NextUpdate = Now.AddDays(-170), CrlNextUpdate = Now.AddDays(1), RootCrlNextUpdate = Now.AddDays(1) };
        Assert.Equal(("tcb_info", "expired"), (MintedDcap.VerifySgx(collateral: old).Failure?.Step, MintedDcap.VerifySgx(collateral: old).Failure?.Code));
        DcapCollateralRequest oldIdentity = MintedDcap.SgxCollateral with { QeIssueDate = Now.AddDays(-200), QeNextUpdate = Now.AddDays(-170) };
        Assert.Equal("qe_identity", MintedDcap.VerifySgx(collateral: oldIdentity).Failure?.Step);
    }

    [Fact]
    public void Go_tdx_guest_what_is_not_yet_valid_is_refused()
    {
        Assert.Equal("not_yet_valid", MintedDcap.VerifyTdx(at: MintedDcap.TdxCollateral.IssueDate.AddSeconds(-1)).Failure?.Code);
        using DcapPlatform platform = MintedDcap.Vendor.NewPlatform(new DcapPlatformRequest { PckNotBefore = Now.AddSeconds(1) });
        Assert.Equal("not_yet_valid", MintedDcap.VerifyTdx(platform: platform).Failure?.Code);
    }

    [Fact]
    public void Go_tdx_guest_fmspc_is_compared_as_bytes()
    {
        using DcapPlatform platform = MintedDcap.Vendor.NewPlatform(new DcapPlatformRequest { Fmspc = new byte[] { 0xAB, 0xCD, 0xEF, 0, 0, 1 } });
        Assert.True(MintedDcap.VerifySgx(platform: platform).IsAuthentic);
    }

    [Fact]
    public void Json_is_verified_over_the_bytes_received_and_duplicate_keys_are_refused()
    {
        DcapCollateral collateral = MintedDcap.Vendor.NewCollateral(MintedDcap.Platform, MintedDcap.SgxCollateral);
        byte[] quote = MintedDcap.Platform.Quote(MintedDcap.SgxQuote);
        string info = Encoding.ASCII.GetString(collateral.TcbInfo.Span);
        Assert.Equal(("parse_collateral", "malformed"), Refusal(quote, collateral with { TcbInfo = Encoding.ASCII.GetBytes(info.Replace("\"version\":3", "\"version\":3,\"version\":3", StringComparison.Ordinal)) }));
        Assert.Equal(("parse_collateral", "malformed"), Refusal(quote, collateral with { TcbInfo = Encoding.ASCII.GetBytes(info.Replace("{\"tcbInfo\"", "{\"signature\":\"00\",\"tcbInfo\"", StringComparison.Ordinal)) }));
        Assert.Equal(("parse_collateral", "malformed"), Refusal(quote, collateral with { TcbInfo = Encoding.ASCII.GetBytes(info.Replace("\"svn\":5,", "\"svn\":5,\"svn\":1,", StringComparison.Ordinal)) }));

        // The same values in another form were not signed.
        Assert.Equal(("tcb_info", "bad_signature"), Refusal(quote, collateral with { TcbInfo = Encoding.ASCII.GetBytes(info.Replace("\"svn\":5,", "\"svn\": 5,", StringComparison.Ordinal)) }));
    }

    [Fact]
    public void Trustee_the_verifier_reports_debug_and_a_policy_must_speak_about_it()
    {
        VerificationResult result = MintedDcap.VerifySgx(MintedDcap.SgxQuote with { Body = new EnclaveReportFields { Flags = 7 }.Encode() });
        Assert.True(result.UnappraisedClaims?.Debug);
        AppraisalPolicy silent = new("silent about debug", new PolicySection(Tee.Sgx, [], RequiredRules.For(Tee.Sgx).Except(["debug"])));
        Assert.Equal("debug", Assert.Single(Appraiser.Appraise(result, silent).Failures).Step);
    }

    [Fact]
    public void Ecdsa_is_malleable_so_a_signature_names_nothing()
    {
        // (r, n - s) is as good a signature as (r, s): both verify, and give the same claims.
        byte[] quote = MintedDcap.Platform.Quote(MintedDcap.SgxQuote);
        System.Numerics.BigInteger n = System.Numerics.BigInteger.Parse("0FFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551", System.Globalization.NumberStyles.HexNumber, System.Globalization.CultureInfo.InvariantCulture);
        System.Numerics.BigInteger s = n - new System.Numerics.BigInteger(quote.AsSpan(468, 32), isUnsigned: true, isBigEndian: true);
        byte[] other = (byte[])quote.Clone();
        byte[] bytes = s.ToByteArray(isUnsigned: true, isBigEndian: true);
        other.AsSpan(468, 32).Clear();
        bytes.CopyTo(other.AsSpan(500 - bytes.Length));
        DcapCollateral collateral = MintedDcap.Vendor.NewCollateral(MintedDcap.Platform, MintedDcap.SgxCollateral);
        Assert.NotEqual(quote, other);
        Assert.True(DcapVerifier.Verify(Tee.Sgx, other, collateral, MintedDcap.Vendor.Anchors, VerificationTime.At(Now)).IsAuthentic);
    }

    private static (string?, string?) Refusal(byte[] quote, DcapCollateral collateral, string? expectEarlier = null)
    {
        VerificationResult result = DcapVerifier.Verify(Tee.Sgx, quote, collateral, MintedDcap.Vendor.Anchors, VerificationTime.At(Now));
        Assert.False(result.IsAuthentic);
        return result.Failure.Step == expectEarlier ? ("tcb_signing_chain", "untrusted_root") : (result.Failure.Step, result.Failure.Code);
    }
}
