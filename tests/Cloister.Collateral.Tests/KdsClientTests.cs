using Cloister.Attestation;
using Cloister.Attestation.Abi.Snp;
using Cloister.Attestation.Certificates;
using Cloister.Attestation.Verify;
using Cloister.Attestation.Verify.Snp;
using Cloister.Simulator.Snp;

namespace Cloister.Collateral.Tests;

public sealed class KdsClientTests
{
    private static readonly DateTimeOffset Now = new(2026, 3, 1, 0, 0, 0, TimeSpan.Zero);

    [Theory]
    [InlineData(SnpProductLine.Genoa, "/vcek/v1/Genoa/0102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f202122232425262728292a2b2c2d2e2f303132333435363738393a3b3c3d3e3f40?blSPL=03&teeSPL=00&snpSPL=24&ucodeSPL=219")]
    [InlineData(SnpProductLine.Turin, "/vcek/v1/Turin/0102030405060708?fmcSPL=02&blSPL=03&teeSPL=00&snpSPL=24&ucodeSPL=219")]
    public async Task What_is_fetched_verifies(SnpProductLine product, string path)
    {
        bool isTurin = product == SnpProductLine.Turin;
        SnpVendor vendor = new(product, SnpAuthorityKeys.Create(), Now.AddYears(-1), Now.AddYears(5));
        SnpTcb tcb = new(isTurin ? (byte)2 : (byte)0, 3, 0, 24, 219);
        byte[] chip = [.. Enumerable.Range(1, isTurin ? 8 : 64).Select(i => (byte)i)];
        using SnpEndorsement endorsement = vendor.IssueEndorsement(new SnpEndorsementRequest { Tcb = tcb, HardwareId = chip });
        byte[] report = new SnpReportFields
        {
            Version = isTurin ? 5u : 3u,
            ReportedTcb = tcb.Encode(product),
            ChipId = chip,
            Processor = isTurin ? new SnpProcessor(0x1A, 2, 1) : new SnpProcessor(0x19, 0x11, 1),
        }.Sign(endorsement.Key);

        using LocalServer server = new();
        string name = SnpProductNames.NameOf(product);
        server.Route(path, endorsement.Certificate);
        server.Route($"/vcek/v1/{name}/cert_chain", System.Text.Encoding.ASCII.GetBytes(vendor.ChainPem));
        server.Route($"/vcek/v1/{name}/crl", vendor.IssueRevocationList(Now.AddDays(-1), Now.AddDays(30)));
        using HttpClient http = new();
        SnpCollateral collateral = await new KdsClient(http, server.Address).GetAsync(SnpReport.Parse(report), product, TestContext.Current.CancellationToken);
        VerificationResult result = SnpVerifier.Verify(report, collateral, TrustAnchors.Of(Certificate.Parse(vendor.Ark)), VerificationTime.At(Now));
        Assert.True(result.IsAuthentic, result.Failure?.ToString());
    }
}
