using System.Text;
using System.Text.Json.Nodes;
using Cloister.Attestation;
using Cloister.Attestation.Abi.Snp;
using Cloister.Attestation.Collateral;
using Cloister.Attestation.Verify.Dcap;
using Cloister.Cli.Tests.Harness;
using Cloister.Collateral;
using Cloister.Collateral.Tests;
using Cloister.Simulator.Dcap;
using Cloister.Simulator.Snp;

namespace Cloister.Cli.Tests.Collateral;

/// <summary><c>cloister collateral fetch</c> and <c>show</c>: a directory for a broker without internet.</summary>
public sealed class CollateralFetchTests : IDisposable
{
    private const string Fmspc = "0053494D0000";
    private const string Sgx = "sgx-0053494D0000-platform";
    private static readonly DateTimeOffset Now = DateTimeOffset.UtcNow;

    private readonly DcapVendor _vendor = DcapVendor.Create(Now.AddYears(-1));
    private readonly DcapPlatform _platform;
    private readonly LocalServer _server = new();
    private readonly ScratchFolder _folder = new();

    public CollateralFetchTests()
    {
        _platform = _vendor.NewPlatform(new DcapPlatformRequest());
        File.WriteAllBytes(_folder["root.pem"], DcapVendor.Pem(_vendor.Root.Certificate));
    }

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    private static DcapCollateralRequest Request => new() { IssueDate = Now.AddDays(-1), NextUpdate = Now.AddDays(29) };

    public void Dispose()
    {
        _server.Dispose();
        _platform.Dispose();
        _vendor.Dispose();
        _folder.Dispose();
    }

    [Fact]
    public async Task What_is_fetched_is_what_a_broker_reads()
    {
        Serve("sgx", Request);
        Serve("sgx", Request with { TcbEvaluationDataNumber = 20 }, "early");
        Serve("tdx", Request with { Tee = Tee.Tdx });
        JsonNode told = JsonNode.Parse((await FetchAsync("--fmspc", Fmspc.ToLowerInvariant(), "--output", "json")).MustSucceed().Output)!;
        Assert.Equal([Sgx, "tdx-0053494D0000-platform"], told["items"]!.AsArray().Select(item => (string)item!["model"]!).Distinct().Order());
        Assert.Contains(told["failures"]!.AsArray(), failure => (string)failure!["model"]! == "tdx-0053494D0000-platform" && (bool)failure["early"]!);

        DcapCollateralKey key = new(Tee.Sgx, Fmspc, true);
        Assert.Equal(18, Number(await new DirectoryCollateralSource(_folder["out"]).GetAsync(key, Cancellation)));
        Assert.Equal(20, Number(await new DirectoryCollateralSource(_folder["out"], early: true).GetAsync(key, Cancellation)));

        // What is there is told, with when it ends; and whoever asks for longer is told no.
        CliResult shown = (await CliProcess.RunAsync("collateral", "show", "--directory", _folder["out"], "--root", _folder["root.pem"])).MustSucceed();
        Assert.Matches($"{Sgx}.*tcb_info.*early.*20.* 28 ", shown.Output);
        Assert.Equal(ExitCode.No, (await CliProcess.RunAsync("collateral", "show", "--directory", _folder["out"], "--root", _folder["root.pem"], "--days", "40")).ExitCode);
        CliResult stranger = await CliProcess.RunAsync("collateral", "show", "--directory", _folder["out"]);
        Assert.Equal(ExitCode.No, stranger.ExitCode);
        Assert.Contains("untrusted_root", stranger.Errors, StringComparison.Ordinal);
    }

    // A broker takes what is in the directory itself for models that have none of their own; an empty directory is another one than was meant.
    [Fact]
    public async Task What_is_in_the_directory_itself_is_shown_and_nothing_at_all_is_an_error()
    {
        Serve("sgx", Request);
        (await FetchAsync("--model", Sgx)).MustSucceed();
        CliResult shown = (await CliProcess.RunAsync("collateral", "show", "--directory", Path.Combine(_folder["out"], Sgx), "--root", _folder["root.pem"])).MustSucceed();
        Assert.Matches("others.*tcb_info", shown.Output);

        (await CliProcess.RunAsync("collateral", "show", "--directory", Directory.CreateDirectory(_folder["empty"]).FullName)).MustBeRefused("there is no collateral in");
    }

    [Fact]
    public async Task What_does_not_verify_leaves_what_is_there()
    {
        Serve("sgx", Request);
        (await FetchAsync("--model", Sgx)).MustSucceed();
        Serve("sgx", Request with { NextUpdate = Now.AddHours(-1), TcbEvaluationDataNumber = 19 });
        CliResult refused = await FetchAsync("--model", Sgx);
        Assert.Equal(ExitCode.No, refused.ExitCode);
        Assert.Contains("expired", refused.Errors, StringComparison.Ordinal);
        Serve("sgx", Request with { Fmspc = new byte[] { 0, 0x53, 0x49, 0x4D, 0, 1 }, TcbEvaluationDataNumber = 19 });
        Assert.Contains("sent TCB info of sgx 0053494D0001", (await FetchAsync("--model", Sgx)).Errors, StringComparison.Ordinal);
        _server.IsDown = true;
        Assert.Contains("503", (await FetchAsync("--model", Sgx)).Errors, StringComparison.Ordinal);
        Assert.Equal(18, Number(await new DirectoryCollateralSource(_folder["out"]).GetAsync(new DcapCollateralKey(Tee.Sgx, Fmspc, true), Cancellation)));
        Assert.Equal([Sgx], Directory.GetFileSystemEntries(_folder["out"]).Select(Path.GetFileName));
    }

    [Fact]
    public async Task All_models_that_a_broker_uses()
    {
        Serve("sgx", Request);
        ServeGenoa();
        File.WriteAllText(_folder["status.json"], $$"""
            {"at":"2026-03-01T00:00:00Z","items":[
            {"model":"{{Sgx}}","item":"tcb_info","early":false,"source":"x","issuedAt":"2026-03-01T00:00:00Z","endsAt":"2026-03-01T00:00:00Z","tcbEvaluationDataNumber":17},
            {"model":"snp-genoa","item":"crl","early":false,"source":"x","issuedAt":"2026-03-01T00:00:00Z","endsAt":"2026-03-01T00:00:00Z","tcbEvaluationDataNumber":null},
            {"model":"snp-0102","item":"vcek","early":false,"source":"x","issuedAt":"2026-03-01T00:00:00Z","endsAt":"2026-03-01T00:00:00Z","tcbEvaluationDataNumber":null}]}
            """);
        (await FetchAsync("--status", _folder["status.json"])).MustSucceed();
        Assert.Equal([Sgx, "snp-genoa"], Directory.GetFileSystemEntries(_folder["out"]).Select(Path.GetFileName).Order());
        (string Model, CollateralItem Item)[] items = [.. new DirectorySnpSource(_folder["out"]).Items];
        Assert.Equal(["ca_chain", "crl"], items.Select(item => item.Item.Name));
        Assert.Contains("not what 'cloister collateral status", (await FetchAsync("--status", _folder["root.pem"])).Errors, StringComparison.Ordinal);
    }

    [Fact]
    public async Task The_certificate_of_a_chip_by_its_report()
    {
        SnpVendor vendor = ServeGenoa();
        SnpTcb tcb = new(0, 3, 0, 24, 219);
        byte[] chip = [.. Enumerable.Range(1, 64).Select(i => (byte)i)];
        using SnpEndorsement endorsement = vendor.IssueEndorsement(new SnpEndorsementRequest { Tcb = tcb, HardwareId = chip });
        byte[] bytes = new SnpReportFields { Version = 3, ReportedTcb = tcb.Encode(SnpProductLine.Genoa), ChipId = chip, Processor = new SnpProcessor(0x19, 0x11, 1) }.Sign(endorsement.Key);
        SnpReport report = SnpReport.Parse(bytes);
        _server.Route("/" + KdsPaths.Vcek(report, SnpProductLine.Genoa), endorsement.Certificate);
        File.WriteAllBytes(_folder["report.bin"], bytes);
        (await FetchAsync("--report", _folder["report.bin"])).MustSucceed();
        Assert.Single((await new DirectorySnpSource(_folder["out"]).GetAsync(report, hasKey: false, Requester.Known, Cancellation)).EndorsementKeys);

        // Another chip's certificate under an authority that nobody pinned is not written.
        SnpVendor other = new(SnpProductLine.Genoa, SnpAuthorityKeys.Create(), Now.AddYears(-1), Now.AddYears(5));
        using SnpEndorsement foreign = other.IssueEndorsement(new SnpEndorsementRequest { Tcb = tcb, HardwareId = chip });
        _server.Route("/" + KdsPaths.Vcek(report, SnpProductLine.Genoa), foreign.Certificate);
        CliResult refused = await FetchAsync("--report", _folder["report.bin"]);
        Assert.Equal(ExitCode.No, refused.ExitCode);
        Assert.Equal(endorsement.Certificate, File.ReadAllBytes(Path.Combine(_folder["out"], DirectorySnpSource.NameOf(report), "vcek.der")));
    }

    [Fact]
    public async Task A_service_with_an_authority_of_its_own()
    {
        using TlsServer server = new();
        server.Serve("sgx", Fmspc, "platform", _vendor.NewCollateral(_platform, Request));
        File.WriteAllText(_folder["ca.pem"], server.Authority);
        string[] fetch = ["collateral", "fetch", "--out", _folder["tls"], "--model", Sgx, "--root", _folder["root.pem"], "--url", server.Address.ToString()];
        Assert.Equal(ExitCode.No, (await CliProcess.RunAsync(fetch)).ExitCode);
        Assert.False(Directory.Exists(_folder["tls"]));
        (await CliProcess.RunAsync([.. fetch, "--ca", _folder["ca.pem"]])).MustSucceed();
        Assert.True(File.Exists(Path.Combine(_folder["tls"], Sgx, "tcb_info.json")));
    }

    [Theory]
    [InlineData("say what to fetch")]
    [InlineData("is not 12 hex digits", "--fmspc", "12")]
    [InlineData("is no model such as", "--model", "sgx-12-platform")]
    [InlineData("is no SEV-SNP report", "--report", "/dev/null")]
    public async Task Wrong_usage_is_said(string error, params string[] arguments)
    {
        CliResult result = await FetchAsync(arguments);
        Assert.Equal(ExitCode.Usage, result.ExitCode);
        Assert.Contains(error, result.Errors, StringComparison.Ordinal);
    }

    private int Number(DcapCollateral collateral) =>
        DcapVerifier.VerifyCollateral(collateral, _vendor.Anchors, VerificationTime.At(DateTimeOffset.UtcNow), out _)!.TcbEvaluationDataNumber;

    private void Serve(string tee, DcapCollateralRequest request, string update = "standard") =>
        _server.ServeCollateral(tee, Fmspc, "platform", _vendor.NewCollateral(_platform, request), hexCrls: true, update);

    private SnpVendor ServeGenoa()
    {
        SnpVendor vendor = new(SnpProductLine.Genoa, SnpAuthorityKeys.Create(), Now.AddYears(-1), Now.AddYears(5));
        _server.Route("/vcek/v1/Genoa/cert_chain", Encoding.ASCII.GetBytes(vendor.ChainPem));
        _server.Route("/vcek/v1/Genoa/crl", vendor.IssueRevocationList(Now.AddDays(-1), Now.AddDays(30)));
        File.WriteAllBytes(_folder["ark.der"], vendor.Ark);
        return vendor;
    }

    private Task<CliResult> FetchAsync(params string[] arguments) => CliProcess.RunAsync(
    [
        "collateral", "fetch", "--out", _folder["out"], "--url", _server.Address.ToString(), "--kds", _server.Address.ToString(), "--root", _folder["root.pem"],
        .. File.Exists(_folder["ark.der"]) ? (string[])["--root", _folder["ark.der"]] : [], .. arguments,
    ]);
}
