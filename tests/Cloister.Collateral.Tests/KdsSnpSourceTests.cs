using Cloister.Attestation;
using Cloister.Attestation.Abi.Snp;
using Cloister.Attestation.Certificates;
using Cloister.Attestation.Verify;
using Cloister.Attestation.Verify.Snp;
using Cloister.Simulator.Snp;

namespace Cloister.Collateral.Tests;

public sealed class KdsSnpSourceTests
{
    private static readonly DateTimeOffset Now = new(2026, 3, 1, 0, 0, 0, TimeSpan.Zero);

    private static readonly SnpVendor Genoa = new(SnpProductLine.Genoa, SnpAuthorityKeys.Create(), Now.AddYears(-1), Now.AddYears(5));
    private static readonly SnpTcb Tcb = new(0, 3, 0, 24, 219);
    private static readonly byte[] LongId = [.. Enumerable.Range(1, 64).Select(i => (byte)i)];

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
        using KdsSnpSource source = new(new KdsClient(http, server.Address), TimeProvider.System);
        SnpCollateral collateral = await source.GetAsync(SnpReport.Parse(report), hasKey: false, Requester.Known, TestContext.Current.CancellationToken);
        VerificationResult result = SnpVerifier.Verify(report, collateral, TrustAnchors.Of(Certificate.Parse(vendor.Ark)), VerificationTime.At(Now));
        Assert.True(result.IsAuthentic, result.Failure?.ToString());
    }

    [Fact]
    public async Task ItIsAskedOnceAndWhatItGaveServesWhileItIsAway()
    {
        using SnpEndorsement endorsement = Genoa.IssueEndorsement(new SnpEndorsementRequest { Tcb = Tcb, HardwareId = LongId });
        SnpReport report = SnpReport.Parse(Fields(3).Sign(endorsement.Key));
        using LocalServer server = new();
        Serve(server, report, endorsement);
        using HttpClient http = new();
        MovableClock clock = new(Now);
        using KdsSnpSource source = new(new KdsClient(http, server.Address), clock);
        await source.GetAsync(report, hasKey: false, Requester.Known, TestContext.Current.CancellationToken);
        await source.GetAsync(report, hasKey: false, Requester.Known, TestContext.Current.CancellationToken);
        Assert.Equal(3, server.Requests.Count);

        // A day later the list is asked for again, the VCEK is not.
        clock.Now = Now.AddDays(2);
        await source.GetAsync(report, hasKey: false, Requester.Known, TestContext.Current.CancellationToken);
        Assert.Equal(5, server.Requests.Count);
        clock.Now = Now.AddDays(4);
        server.IsDown = true;
        SnpCollateral kept = await source.GetAsync(report, hasKey: false, Requester.Known, TestContext.Current.CancellationToken);
        Assert.Single(kept.EndorsementKeys);
    }

    [Fact]
    public async Task AKeyThatCameWithTheReportIsNotAskedFor()
    {
        using SnpEndorsement endorsement = Genoa.IssueEndorsement(new SnpEndorsementRequest { Tcb = Tcb, HardwareId = LongId });
        SnpReport report = SnpReport.Parse(Fields(3).Sign(endorsement.Key));
        using LocalServer server = new();
        Serve(server, report, endorsement);
        using HttpClient http = new();
        using KdsSnpSource source = new(new KdsClient(http, server.Address), TimeProvider.System);
        SnpCollateral collateral = await source.GetAsync(report, hasKey: true, Requester.Known, TestContext.Current.CancellationToken);
        Assert.Empty(collateral.EndorsementKeys);
        Assert.Single(collateral.RevocationLists);
        Assert.DoesNotContain(server.Requests, path => path.Contains("SPL=", StringComparison.Ordinal));
    }

    [Fact]
    public async Task AReportThatDoesNotNameItsProcessorIsLookedForInBothLines()
    {
        using SnpEndorsement endorsement = Genoa.IssueEndorsement(new SnpEndorsementRequest { Tcb = Tcb, HardwareId = LongId });
        byte[] bytes = Fields(2).Sign(endorsement.Key);
        SnpReport report = SnpReport.Parse(bytes);
        using LocalServer server = new();
        Serve(server, report, endorsement);
        using HttpClient http = new();
        using KdsSnpSource source = new(new KdsClient(http, server.Address), TimeProvider.System);
        SnpCollateral collateral = await source.GetAsync(report, hasKey: false, Requester.Known, TestContext.Current.CancellationToken);
        VerificationResult result = SnpVerifier.Verify(bytes, collateral, TrustAnchors.Of(Certificate.Parse(Genoa.Ark)), VerificationTime.At(Now));
        Assert.True(result.IsAuthentic, result.Failure?.ToString());
        Assert.Contains("/Milan/", server.Requests[0], StringComparison.Ordinal);
    }

    [Fact]
    public async Task MadeUpReportsUseUpWhatStrangersHaveAndNothingElse()
    {
        using SnpEndorsement endorsement = Genoa.IssueEndorsement(new SnpEndorsementRequest { Tcb = Tcb, HardwareId = LongId });
        SnpReport genuine = SnpReport.Parse(Fields(3).Sign(endorsement.Key));
        using LocalServer server = new();
        Serve(server, genuine, endorsement);
        using HttpClient http = new();
        using KdsSnpSource source = new(new KdsClient(http, server.Address), TimeProvider.System);
        string last = "";
        for (byte i = 100; i < 200; i++)
        {
            last = await FailureAsync(source, Made(i, endorsement), Requester.Unknown);
        }

        Assert.Equal("busy", last);
        Assert.InRange(server.Requests.Count, 20, 40);

        // An enclave that is known gets its certificate all the same; a stranger does not.
        Assert.Equal("busy", await FailureAsync(source, genuine, Requester.Unknown));
        Assert.Single((await source.GetAsync(genuine, hasKey: false, Requester.Known, TestContext.Current.CancellationToken)).EndorsementKeys);
    }

    [Fact]
    public async Task OneKnownChipDoesNotUseUpWhatTheOthersHave()
    {
        using SnpEndorsement endorsement = Genoa.IssueEndorsement(new SnpEndorsementRequest { Tcb = Tcb, HardwareId = LongId });
        SnpReport genuine = SnpReport.Parse(Fields(3).Sign(endorsement.Key));
        using LocalServer server = new();
        Serve(server, genuine, endorsement);
        using HttpClient http = new();
        using KdsSnpSource source = new(new KdsClient(http, server.Address), TimeProvider.System);
        byte[] chip = [255, .. LongId[1..]];
        for (byte i = 0; i < 100; i++)
        {
            // Each names another TCB, so each is another certificate.
            SnpReport report = SnpReport.Parse((Fields(3) with { ChipId = chip, ReportedTcb = new SnpTcb(0, 3, 0, 24, i).Encode(SnpProductLine.Genoa) }).Sign(endorsement.Key));
            await FailureAsync(source, report, Requester.Known);
        }

        Assert.InRange(server.Requests.Count, 1, 20);
        Assert.Single((await source.GetAsync(genuine, hasKey: false, Requester.Known, TestContext.Current.CancellationToken)).EndorsementKeys);
    }

    [Fact]
    public async Task WhatAmdDoesNotHaveIsNotAskedForAgainForAWhile()
    {
        using SnpEndorsement endorsement = Genoa.IssueEndorsement(new SnpEndorsementRequest { Tcb = Tcb, HardwareId = LongId });
        using LocalServer server = new();
        using HttpClient http = new();
        MovableClock clock = new(Now);
        using KdsSnpSource source = new(new KdsClient(http, server.Address), clock);
        Assert.Equal("http_status", await FailureAsync(source, Made(1, endorsement), Requester.Known));
        Assert.Equal("http_status", await FailureAsync(source, Made(1, endorsement), Requester.Known));
        Assert.Single(server.Requests);
        clock.Now = Now.AddMinutes(10);
        await FailureAsync(source, Made(1, endorsement), Requester.Known);
        Assert.Equal(2, server.Requests.Count);
    }

    private static SnpReport Made(byte first, SnpEndorsement endorsement) => SnpReport.Parse((Fields(3) with { ChipId = (byte[])[first, .. LongId[1..]] }).Sign(endorsement.Key));

    private static async Task<string> FailureAsync(KdsSnpSource source, SnpReport report, Requester requester) =>
        (await Assert.ThrowsAsync<CollateralException>(() => source.GetAsync(report, hasKey: false, requester, TestContext.Current.CancellationToken))).Code;

    [Fact]
    public async Task ADirectoryHasAFolderForAChipOrOneForAll()
    {
        using SnpEndorsement endorsement = Genoa.IssueEndorsement(new SnpEndorsementRequest { Tcb = Tcb, HardwareId = LongId });
        SnpReport report = SnpReport.Parse(Fields(3).Sign(endorsement.Key));
        DirectoryInfo root = Directory.CreateTempSubdirectory("cloister-snp-");
        try
        {
            DirectorySnpSource source = new(root.FullName);
            Assert.Same(SnpCollateral.None, await source.GetAsync(report, hasKey: false, Requester.Known, TestContext.Current.CancellationToken));
            DirectoryInfo all = root.CreateSubdirectory("snp");
            await File.WriteAllTextAsync(Path.Combine(all.FullName, "ca_chain.pem"), Genoa.ChainPem, TestContext.Current.CancellationToken);
            Assert.Empty((await source.GetAsync(report, hasKey: false, Requester.Known, TestContext.Current.CancellationToken)).EndorsementKeys);
            DirectoryInfo line = root.CreateSubdirectory("snp-genoa");
            await File.WriteAllTextAsync(Path.Combine(line.FullName, "ca_chain.pem"), Genoa.ChainPem, TestContext.Current.CancellationToken);
            byte[] crl = Genoa.IssueRevocationList(Now.AddDays(-1), Now.AddDays(30));
            await File.WriteAllBytesAsync(Path.Combine(line.FullName, "crl.der"), crl, TestContext.Current.CancellationToken);
            Assert.Single((await source.GetAsync(report, hasKey: false, Requester.Known, TestContext.Current.CancellationToken)).RevocationLists);
            Assert.Contains(source.Items, item => item is { Model: "snp-genoa", Item.Name: "crl" } && item.Item.EndsAt == Now.AddDays(30));
            DirectoryInfo own = root.CreateSubdirectory("snp-" + Convert.ToHexStringLower(LongId));
            await File.WriteAllBytesAsync(Path.Combine(own.FullName, "vcek.der"), endorsement.Certificate, TestContext.Current.CancellationToken);
            Assert.Single((await source.GetAsync(report, hasKey: false, Requester.Known, TestContext.Current.CancellationToken)).EndorsementKeys);
            await File.WriteAllTextAsync(Path.Combine(own.FullName, "vcek.der"), "none", TestContext.Current.CancellationToken);
            CollateralException malformed = await Assert.ThrowsAsync<CollateralException>(() => source.GetAsync(report, hasKey: false, Requester.Known, TestContext.Current.CancellationToken));
            Assert.Equal("malformed", malformed.Code);
        }
        finally
        {
            root.Delete(recursive: true);
        }
    }

    private static SnpReportFields Fields(uint version) =>
        new() { Version = version, ReportedTcb = Tcb.Encode(SnpProductLine.Genoa), ChipId = LongId, Processor = new SnpProcessor(0x19, 0x11, 1) };

    private static void Serve(LocalServer server, SnpReport report, SnpEndorsement endorsement)
    {
        server.Route("/" + KdsPaths.Vcek(report, SnpProductLine.Genoa), endorsement.Certificate);
        server.Route("/vcek/v1/Genoa/cert_chain", System.Text.Encoding.ASCII.GetBytes(Genoa.ChainPem));
        server.Route("/vcek/v1/Genoa/crl", Genoa.IssueRevocationList(Now.AddDays(-1), Now.AddDays(30)));
    }

    private sealed class MovableClock(DateTimeOffset now) : TimeProvider
    {
        public DateTimeOffset Now { get; set; } = now;

        public override DateTimeOffset GetUtcNow() => Now;
    }
}
