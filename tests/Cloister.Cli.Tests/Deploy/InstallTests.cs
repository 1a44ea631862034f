using Cloister.Cli.Tests.Harness;

namespace Cloister.Cli.Tests.Deploy;

public sealed class InstallTests : IDisposable
{
    private static readonly string Install = Path.Combine(Programs.RepositoryRoot, "eng", "install");

    private readonly ScratchFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public async Task Programs_units_and_folders_are_where_the_units_look_for_them()
    {
        await PublishedAsync();
        (await DeployFiles.RunAsync(Install, _folder["p"], _folder["root"])).MustSucceed();
        (await DeployFiles.RunAsync(Install, _folder["p"], _folder["root"])).MustSucceed();

        Assert.Equal("cloister", await File.ReadAllTextAsync(_folder["root/usr/local/bin/cloister"], TestContext.Current.CancellationToken));
        Assert.Equal("cloister-enclave", await File.ReadAllTextAsync(_folder["root/usr/local/bin/cloister-enclave"], TestContext.Current.CancellationToken));
        Assert.Equal((UnixFileMode)0b111_101_101, File.GetUnixFileMode(_folder["root/usr/local/lib/cloister/cloister-enclave"]));
        Assert.Equal((UnixFileMode)0b111_000_000, File.GetUnixFileMode(_folder["root/var/lib/cloister"]));
        Assert.False(Directory.Exists(_folder["root/usr/local/lib/cloister/dev"]));
        Assert.Equal(["cloister-enclave-sgx.service", "cloister-enclave.service", "cloister-metrics.service", "cloister-relay.service"], Units());
        Assert.DoesNotContain(
            Directory.GetFileSystemEntries(_folder["root"], "*", SearchOption.AllDirectories), path => path.Contains("broker", StringComparison.OrdinalIgnoreCase));
        await EveryUserIsMadeAsync();
    }

    [Fact]
    public async Task The_broker_goes_to_a_machine_of_its_own()
    {
        await PublishedAsync();
        (await DeployFiles.RunAsync(Install, _folder["p"], _folder["root"], "broker")).MustSucceed();
        Assert.Equal("cloister-broker", await File.ReadAllTextAsync(_folder["root/usr/local/bin/cloister-broker"], TestContext.Current.CancellationToken));
        Assert.Equal((UnixFileMode)0b111_000_000, File.GetUnixFileMode(_folder["root/var/lib/cloister-broker"]));
        Assert.Equal(["cloister-broker.service"], Units());
        Assert.False(File.Exists(_folder["root/usr/local/lib/cloister/cloister-enclave"]));
        await EveryUserIsMadeAsync();

        CliResult other = await DeployFiles.RunAsync(Install, _folder["p"], _folder["other"], "both");
        Assert.Equal(1, other.ExitCode);
        Assert.Contains("a node or a broker", other.Errors, StringComparison.Ordinal);
        Assert.False(Directory.Exists(_folder["other"]));
    }

    [Fact]
    public async Task What_is_made_can_be_read_whatever_the_umask()
    {
        foreach (string file in (string[])["cloister", "cloister-enclave"])
        {
            Directory.CreateDirectory(_folder["p"]);
            await File.WriteAllTextAsync(_folder[$"p/{file}"], file, TestContext.Current.CancellationToken);
            File.SetUnixFileMode(_folder[$"p/{file}"], (UnixFileMode)0b111_000_000);
        }

        (await DeployFiles.RunAsync("/usr/bin/env", "bash", "-c", $"umask 077; '{Install}' '{_folder["p"]}' '{_folder["root"]}'")).MustSucceed();
        Assert.All(
            (string[])["root", "root/usr/local", "root/usr/local/lib/cloister", "root/usr/local/bin", "root/etc/systemd/system", "root/etc/cloister"],
            folder => Assert.Equal((UnixFileMode)0b111_101_101, File.GetUnixFileMode(_folder[folder])));
    }

    [Fact]
    public async Task Without_programs_nothing_is_put_anywhere()
    {
        CliResult result = await DeployFiles.RunAsync(Install, _folder["p"], _folder["root"]);
        Assert.Equal(1, result.ExitCode);
        Assert.Contains("make publish", result.Errors, StringComparison.Ordinal);
        Assert.False(Directory.Exists(_folder["root"]));
    }

    private IEnumerable<string?> Units() => Directory.GetFiles(_folder["root/etc/systemd/system"]).Select(Path.GetFileName).Order(StringComparer.Ordinal);

    // Every user that an installed unit names, and root.
    private async Task EveryUserIsMadeAsync()
    {
        string users = await File.ReadAllTextAsync(_folder["root/usr/lib/sysusers.d/cloister.conf"], TestContext.Current.CancellationToken);
        foreach (string unit in Directory.GetFiles(_folder["root/etc/systemd/system"]))
        {
            string user = Assert.Single(await File.ReadAllLinesAsync(unit, TestContext.Current.CancellationToken), line => line.StartsWith("User=", StringComparison.Ordinal))["User=".Length..];
            Assert.True(user == "root" || users.Contains($"\nu {user} ", StringComparison.Ordinal), user);
        }
    }

    private async Task PublishedAsync()
    {
        foreach (string file in (string[])[
            "cloister", "cloister-enclave", "cloister.dll", "cloister-broker", "cloister-broker.dll", "cloister-broker.runtimeconfig.json", "Cloister.Broker.State.dll", "dev/cloister-enclave-sim"])
        {
            Directory.CreateDirectory(Path.GetDirectoryName(_folder[$"p/{file}"])!);
            await File.WriteAllTextAsync(_folder[$"p/{file}"], file, TestContext.Current.CancellationToken);
            File.SetUnixFileMode(_folder[$"p/{file}"], (UnixFileMode)0b111_000_000);
        }
    }
}
