using System.Diagnostics;
using System.Security.Cryptography.X509Certificates;
using System.Text.Json.Nodes;
using Cloister.Cli.Tests.Harness;

namespace Cloister.Cli.Tests.Dev;

/// <summary><c>cloister dev --custody attested</c>: a broker and an enclave that gets its KEK from it.</summary>
[Collection(nameof(Alone))]
public sealed class AttestedDevTests : IDisposable
{
    private static readonly TimeSpan Promised = TimeSpan.FromSeconds(5);

    private readonly ScratchFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public async Task A_broker_releases_the_KEK_and_everything_stops_in_time()
    {
        await using CliProcess dev = CliProcess.Start("dev", "--dir", _folder["d"], "--custody", "attested");
        string ready = await dev.ReadLineAsync();

        Assert.StartsWith($"ready unix://{_folder["d"]}/kms.sock custody attested ", ready, StringComparison.Ordinal);
        (await CliProcess.RunAsync("probe", "--socket", _folder["d/kms.sock"], "--count", "3")).MustSucceed();
        await Eventually.TrueAsync(() => dev.Errors.Contains("cloister enclaves list --broker https://127.0.0.1:", StringComparison.Ordinal), "the commands are told");

        dev.Signal(CliProcess.SigTerm);
        await dev.WaitForExitAsync(Promised);

        Assert.Equal(0, dev.ExitCode);
        Assert.False(File.Exists(_folder["d/kms.sock"]));
    }

    [Fact]
    public async Task The_console_is_served_to_the_certificate_that_is_named()
    {
        await using CliProcess dev = CliProcess.Start("dev", "--dir", _folder["d"], "--custody", "attested", "--console");
        Assert.StartsWith("ready ", await dev.ReadLineAsync(), StringComparison.Ordinal);
        string[] words = (await dev.ReadLineAsync()).Split(' ');
        Assert.Equal(["console", "certificate", _folder["d/broker/UNPROTECTED-administrator.p12"], "password"], [words[0], .. words[2..5]]);
        Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(words[3]));

        using X509Certificate2 identity = X509CertificateLoader.LoadPkcs12FromFile(words[3], words[5]);
        using SocketsHttpHandler handler = new() { UseProxy = false };
        handler.SslOptions.RemoteCertificateValidationCallback = (_, shown, _, _) => shown?.Subject == "CN=cloister-broker";
        handler.SslOptions.ClientCertificates = [identity];
        using HttpClient http = new(handler);
        Assert.Contains("What needs a person today", await http.GetStringAsync(words[1], TestContext.Current.CancellationToken), StringComparison.Ordinal);
        string fleet = await http.GetStringAsync(words[1] + "fleet", TestContext.Current.CancellationToken);
        Assert.Contains("1 leases hold", fleet, StringComparison.Ordinal);
        Assert.Contains("other root", fleet, StringComparison.Ordinal);

        CliResult without = await CliProcess.RunAsync("dev", "--dir", _folder["e"], "--console");
        Assert.Equal(1, without.ExitCode);
        Assert.Contains("--custody attested", without.Errors, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_later_start_has_the_same_keys()
    {
        string keyId;
        IReadOnlyList<int> children;
        await using (DevEnclave first = await StartAsync())
        {
            keyId = first.KeyId;
            children = first.ChildProcessIds();
            Assert.Equal(2, children.Count);
        }

        Assert.All(children, child => Assert.True(DevEnclave.Ended(child)));

        await using DevEnclave second = await StartAsync();

        Assert.StartsWith("cl1-", keyId, StringComparison.Ordinal);
        Assert.Equal(keyId, second.KeyId);
        (await CliProcess.RunAsync("probe", "--socket", second.KmsSocket, "--count", "3")).MustSucceed();
    }

    [Fact]
    public async Task Killed_it_takes_broker_and_enclave_along_and_its_folder_can_be_used_at_once()
    {
        await using DevEnclave killed = await StartAsync();
        IReadOnlyList<int> children = killed.ChildProcessIds();
        Assert.Equal(2, children.Count);
        await killed.Process.KillAsync();

        await using DevEnclave next = await StartAsync();

        Assert.Equal(killed.KeyId, next.KeyId);
        await Eventually.TrueAsync(() => children.All(DevEnclave.Ended), "broker and enclave have ended");
    }

    [Fact]
    public async Task A_broker_that_ends_is_started_again_where_it_was_and_the_enclave_goes_on()
    {
        await using DevEnclave dev = await StartAsync();
        int killed = BrokerOf(dev)!.Value;
        using (Process broker = Process.GetProcessById(killed))
        {
            broker.Kill();
        }

        (await CliProcess.RunAsync("probe", "--socket", dev.KmsSocket, "--count", "3")).MustSucceed();
        await Eventually.TrueAsync(() => BrokerOf(dev) is { } again && again != killed, "another broker runs");
        JsonNode told = dev.Ready["broker"]!;
        string[] access = ["--broker", (string)told["admin"]!, "--pin", (string)told["pin"]!, "--certificate", (string)told["certificate"]!, "--key", (string)told["key"]!];
        CliResult enclaves = new(ExitCode.Usage, "", "");
        await Eventually.TrueAsync(async () => (enclaves = await CliProcess.RunAsync(["enclaves", "list", "--output", "json", .. access])).ExitCode == ExitCode.Done, "the broker answers where it was");
        Assert.Contains("\"dev\"", enclaves.Output, StringComparison.Ordinal);
        Assert.Contains("ended by itself: it is started again", dev.Process.Errors, StringComparison.Ordinal);
        Assert.False(dev.Process.HasExited);
        (await CliProcess.RunAsync("probe", "--socket", dev.KmsSocket, "--count", "3")).MustSucceed();
    }

    [Fact]
    public async Task A_later_start_has_the_same_broker()
    {
        string first;
        await using (DevEnclave dev = await StartAsync())
        {
            first = dev.Ready["broker"]!.ToJsonString();
        }

        await using DevEnclave second = await StartAsync();

        Assert.Equal(first, second.Ready["broker"]!.ToJsonString());
    }

    [Fact]
    public async Task A_second_one_on_the_same_folder_is_refused_and_the_first_stays()
    {
        await using DevEnclave first = await StartAsync();

        CliResult second = await CliProcess.RunAsync("dev", "--dir", _folder["d"], "--custody", "attested");

        second.MustBeRefused("another 'cloister dev' runs on");
        (await CliProcess.RunAsync("probe", "--socket", first.KmsSocket, "--count", "3")).MustSucceed();
    }

    [Fact]
    public async Task Its_KEK_belongs_to_its_cluster()
    {
        await using (await StartAsync())
        {
        }

        CliResult other = await CliProcess.RunAsync("dev", "--dir", _folder["d"], "--custody", "attested", "--cluster", "other");

        Assert.Equal(ExitCode.Usage, other.ExitCode);
        Assert.Contains("has KEK dev for cluster dev", other.Errors, StringComparison.Ordinal);
        Assert.Equal("", other.Output);
    }

    private static int? BrokerOf(DevEnclave dev) => dev.ChildProcessIds().Where(child => !DevEnclave.Ended(child)).Cast<int?>().FirstOrDefault(IsBroker);

    private static bool IsBroker(int? processId)
    {
        string path = $"/proc/{processId}/comm";
        return File.Exists(path) && File.ReadAllText(path).StartsWith("cloister-broker", StringComparison.Ordinal);
    }

    private async Task<DevEnclave> StartAsync()
    {
        DevEnclave dev = await DevEnclave.StartAsync(_folder["d"], "--custody", "attested");
        JsonNode broker = dev.Ready["broker"]!;
        Assert.StartsWith("https://127.0.0.1:", (string)broker["url"]!, StringComparison.Ordinal);
        Assert.StartsWith("sha256:", (string)broker["pin"]!, StringComparison.Ordinal);
        return dev;
    }
}
