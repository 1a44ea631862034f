using Cloister.Attestation;
using Cloister.Attestation.Collateral;
using Cloister.Attestation.Verify;
using Cloister.Attestation.Verify.Dcap;
using Cloister.Simulator.Dcap;

namespace Cloister.Collateral.Tests;

public sealed class PcsClientTests
{
    private static readonly DateTimeOffset Now = new(2026, 3, 1, 0, 0, 0, TimeSpan.Zero);
    private static readonly DcapVendor Vendor = DcapVendor.Create(Now.AddYears(-1));
    private static readonly DcapPlatform Platform = Vendor.NewPlatform(new DcapPlatformRequest { Fmspc = new byte[] { 0, 0xA0, 0x67, 0x11, 0, 0 } });
    private static readonly DcapCollateralRequest Request = new() { IssueDate = Now.AddDays(-1), NextUpdate = Now.AddDays(29) };

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData(Tee.Sgx, false)]
    [InlineData(Tee.Sgx, true)]
    [InlineData(Tee.Tdx, true)]
    public async Task What_is_fetched_verifies(Tee tee, bool hexCrls)
    {
        byte[] quote = tee == Tee.Sgx ? Platform.QuoteSgx(new EnclaveReportFields()) : Platform.QuoteTdx(new TdReportFields());
        DcapCollateralKey key = DcapCollateralKey.FromQuote(quote);
        Assert.Equal(new DcapCollateralKey(tee, "00A067110000", IssuedByPlatformCa: true), key);

        using LocalServer server = new();
        server.ServeCollateral(TeeNames.NameOf(tee), key.Fmspc, "platform", Vendor.NewCollateral(Platform, Request with { Tee = tee }), hexCrls);
        using HttpClient http = new();
        DcapCollateral collateral = await new PcsClient(http, PcsClientOptions.ForPccs(server.Address)).GetAsync(key, Cancellation);
        VerificationResult result = DcapVerifier.Verify(tee, quote, collateral, Vendor.Anchors, VerificationTime.At(Now));
        Assert.True(result.IsAuthentic, result.Failure?.ToString());
        Assert.Equal(4, server.Requests.Count);
    }

    [Fact]
    public async Task The_roots_list_can_come_from_elsewhere()
    {
        using LocalServer server = new();
        DcapCollateral minted = Vendor.NewCollateral(Platform, Request);
        server.ServeCollateral("sgx", "00A067110000", "platform", minted, hexCrls: false);
        server.Route("/IntelSGXRootCA.der", minted.RootCaCrl.ToArray());
        using HttpClient http = new();
        PcsClient client = new(http, new PcsClientOptions { Service = server.Address, RootCaCrl = new Uri(server.Address, "IntelSGXRootCA.der") });
        DcapCollateral collateral = await client.GetAsync(new DcapCollateralKey(Tee.Sgx, "00A067110000", true), Cancellation);
        Assert.Equal(minted.RootCaCrl.ToArray(), collateral.RootCaCrl.ToArray());
        Assert.Contains("/IntelSGXRootCA.der", server.Requests);
    }

    [Fact]
    public async Task A_service_with_an_authority_of_its_own()
    {
        byte[] quote = Platform.QuoteSgx(new EnclaveReportFields());
        DcapCollateralKey key = DcapCollateralKey.FromQuote(quote);
        using TlsServer server = new();
        server.Serve("sgx", key.Fmspc, "platform", Vendor.NewCollateral(Platform, Request));
        using HttpClient trusting = CollateralHttp.Client(proxy: null, server.Authority);
        DcapCollateral collateral = await new PcsClient(trusting, PcsClientOptions.ForPccs(server.Address)).GetAsync(key, Cancellation);
        Assert.True(DcapVerifier.Verify(Tee.Sgx, quote, collateral, Vendor.Anchors, VerificationTime.At(Now)).IsAuthentic);

        // It is that one authority which is trusted, and without it none of it.
        using TlsServer other = new();
        foreach (string? authorities in (string?[])[null, other.Authority])
        {
            using HttpClient wary = CollateralHttp.Client(proxy: null, authorities);
            await AssertCodeAsync("unreachable", new PcsClient(wary, PcsClientOptions.ForPccs(server.Address)), key);
        }
    }

    [Fact]
    public async Task Different_signers_come_with_their_chains()
    {
        byte[] quote = Platform.QuoteSgx(new EnclaveReportFields());
        DcapCollateralKey key = DcapCollateralKey.FromQuote(quote);
        using DcapAuthority second = Vendor.Root.Issue("Simulated SGX TCB Signing", isAuthority: false, Now.AddYears(-1), Now.AddYears(1));
        using LocalServer server = new();
        server.ServeCollateral("sgx", key.Fmspc, "platform", Vendor.NewCollateral(Platform, Request with { QeSigner = second }), hexCrls: false);
        using HttpClient http = new();
        DcapCollateral collateral = await new PcsClient(http, PcsClientOptions.ForPccs(server.Address)).GetAsync(key, Cancellation);
        Assert.NotEqual(collateral.TcbSigningChain.ToArray(), collateral.QeIdentityChain.ToArray());
        VerificationResult result = DcapVerifier.Verify(Tee.Sgx, quote, collateral, Vendor.Anchors, VerificationTime.At(Now));
        Assert.True(result.IsAuthentic, result.Failure?.ToString());
    }

    [Fact]
    public async Task Early_collateral_is_asked_for_as_such()
    {
        DcapCollateralKey key = new(Tee.Sgx, "00A067110000", true);
        using LocalServer server = new();
        server.ServeCollateral("sgx", key.Fmspc, "platform", Vendor.NewCollateral(Platform, Request), hexCrls: false);
        using HttpClient http = new();
        PcsClient early = new(http, PcsClientOptions.ForPccs(server.Address) with { EarlyUpdates = true });
        await AssertCodeAsync("http_status", early, key);
        server.ServeCollateral("sgx", key.Fmspc, "platform", Vendor.NewCollateral(Platform, Request with { TcbEvaluationDataNumber = 20 }), hexCrls: false, update: "early");
        DcapCollateral collateral = await early.GetAsync(key, Cancellation);
        Assert.Equal(20, DcapVerifier.VerifyCollateral(collateral, Vendor.Anchors, VerificationTime.At(Now), out _)!.TcbEvaluationDataNumber);
    }

    [Fact]
    public async Task What_cannot_be_had_is_said_with_a_code()
    {
        using LocalServer server = new();
        using HttpClient http = new() { Timeout = TimeSpan.FromSeconds(5) };
        PcsClient client = new(http, PcsClientOptions.ForPccs(server.Address));
        DcapCollateralKey key = new(Tee.Sgx, "00A067110000", true);
        await AssertCodeAsync("http_status", client, key);

        server.Route("/sgx/certification/v4/tcb?fmspc=00A067110000&update=standard", "{}"u8.ToArray());
        await AssertCodeAsync("missing_header", client, key);

        server.Route("/sgx/certification/v4/tcb?fmspc=00A067110000&update=standard", new byte[2 * 1024 * 1024]);
        await AssertCodeAsync("too_large", client, key);

        PcsClient nowhere = new(http, PcsClientOptions.ForPccs(new Uri("http://127.0.0.1:1/")));
        await AssertCodeAsync("unreachable", nowhere, key);
        await Assert.ThrowsAsync<ArgumentException>(() => client.GetAsync(new DcapCollateralKey(Tee.Sgx, "../../etc", true), Cancellation));
    }

    private static async Task AssertCodeAsync(string code, PcsClient client, DcapCollateralKey key) =>
        Assert.Equal(code, (await Assert.ThrowsAsync<CollateralException>(() => client.GetAsync(key, Cancellation))).Code);
}
