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
        foreach (string file in (string[])["cloister", "cloister-enclave", "cloister.dll", "dev/cloister-enclave-sim"])
        {
            Directory.CreateDirectory(Path.GetDirectoryName(_folder[$"p/{file}"])!);
            await File.WriteAllTextAsync(_folder[$"p/{file}"], file, TestContext.Current.CancellationToken);
            File.SetUnixFileMode(_folder[$"p/{file}"], (UnixFileMode)0b111_000_000);
        }

        (await DeployFiles.RunAsync(Install, _folder["p"], _folder["root"])).MustSucceed();
        (await DeployFiles.RunAsync(Install, _folder["p"], _folder["root"])).MustSucceed();

        Assert.Equal("cloister", await File.ReadAllTextAsync(_folder["root/usr/local/bin/cloister"], TestContext.Current.CancellationToken));
        Assert.Equal("cloister-enclave", await File.ReadAllTextAsync(_folder["root/usr/local/bin/cloister-enclave"], TestContext.Current.CancellationToken));
        Assert.Equal((UnixFileMode)0b111_101_101, File.GetUnixFileMode(_folder["root/usr/local/lib/cloister/cloister-enclave"]));
        Assert.Equal((UnixFileMode)0b111_000_000, File.GetUnixFileMode(_folder["root/var/lib/cloister"]));
        Assert.False(Directory.Exists(_folder["root/usr/local/lib/cloister/dev"]));
        Assert.Equal(
            Directory.GetFiles(DeployFiles.File("systemd"), "*.service").Select(Path.GetFileName).Order(),
            Directory.GetFiles(_folder["root/etc/systemd/system"]).Select(Path.GetFileName).Order());
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
}
