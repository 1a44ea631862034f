using System.Text.Json.Nodes;
using Cloister.Cli.Tests.Harness;
using Cloister.Collateral;
using Cloister.Simulator.Dcap;

namespace Cloister.Cli.Tests.Collateral;

/// <summary><c>cloister enclaves forecast</c> and <c>collateral status</c> against a broker that gave a lease to a running enclave.</summary>
public sealed class ForecastTests : IDisposable
{
    private readonly ScratchFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public async Task An_enclave_that_stays_accepted()
    {
        await using DevEnclave dev = await DevEnclave.StartAsync(_folder["d"], "--custody", "attested");
        CliResult forecast = (await CliProcess.RunAsync(["enclaves", "forecast", .. Access(dev)])).MustSucceed();
        Assert.Contains("1 enclaves, 0 will be refused, 0 cannot be told", forecast.Output, StringComparison.Ordinal);
        Assert.Contains("the source has no early collateral for 1 enclaves", forecast.Errors, StringComparison.Ordinal);

        CliResult status = (await CliProcess.RunAsync(["collateral", "status", .. Access(dev)])).MustSucceed();
        Assert.Matches("sgx-[0-9A-F]{12}-platform.*root_ca_crl.*vendor/collateral", status.Output);
        Assert.Equal(ExitCode.No, (await CliProcess.RunAsync(["collateral", "status", "--days", "60", .. Access(dev)])).ExitCode);
    }

    [Fact]
    public async Task An_enclave_that_a_recovery_refuses()
    {
        await using DevEnclave dev = await DevEnclave.StartAsync(_folder["d"], "--custody", "attested");
        string vendorFolder = Path.GetDirectoryName(Assert.Single(Directory.GetFiles(_folder["d"], "UNPROTECTED-vendor.pem", SearchOption.AllDirectories)))!;
        using DcapVendor vendor = DcapVendor.Import(File.ReadAllText(Path.Combine(vendorFolder, "UNPROTECTED-vendor.pem")));
        using DcapPlatform platform = DcapPlatform.Import(new DcapPlatformRequest(), File.ReadAllText(Path.Combine(vendorFolder, "UNPROTECTED-platform.pem")));
        DcapCollateralRequest early = new()
        {
            IssueDate = DateTimeOffset.UtcNow.AddHours(-1), NextUpdate = DateTimeOffset.UtcNow.AddDays(30), TcbEvaluationDataNumber = 20,
            Levels = [new SimulatedTcbLevel(new byte[16], 0, [], "OutOfDate", "INTEL-SA-09999")],
        };
        CollateralFolder.Replace(Path.Combine(vendorFolder, DcapVendorDirectory.CollateralFolder), DirectoryCollateralSource.EarlyName, CollateralFolder.FilesOf(vendor.NewCollateral(platform, early), early: null));

        CliResult forecast = await CliProcess.RunAsync(["enclaves", "forecast", "--output", "json", .. Access(dev)]);
        Assert.Equal(ExitCode.No, forecast.ExitCode);
        JsonNode told = JsonNode.Parse(forecast.Output)!;
        JsonNode enclave = Assert.Single(told["enclaves"]!.AsArray())!;
        Assert.Equal((1, "refusedByEarly", "tcb.statuses", "dev"), ((int)told["failing"]!, (string)enclave["outlook"]!, (string)enclave["step"]!, (string)enclave["cluster"]!));
        Assert.Contains("REFUSED when early collateral counts", (await CliProcess.RunAsync(["enclaves", "forecast", .. Access(dev)])).Output, StringComparison.Ordinal);
        (await CliProcess.RunAsync(["enclaves", "forecast", "--cluster", "another", .. Access(dev)])).MustSucceed();
        (await CliProcess.RunAsync("probe", "--socket", dev.KmsSocket, "--count", "3")).MustSucceed();
    }

    private static string[] Access(DevEnclave dev)
    {
        JsonNode told = dev.Ready["broker"]!;
        return ["--broker", (string)told["admin"]!, "--pin", (string)told["pin"]!, "--certificate", (string)told["certificate"]!, "--key", (string)told["key"]!];
    }
}
