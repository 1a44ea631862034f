using Cloister.Cli.Tests.Harness;

namespace Cloister.Cli.Tests.Dev;

/// <summary>
/// Proxies in the environment, which nobody answers at: what goes to this machine, a broker or etcd goes there directly, also from the processes
/// that <c>cloister dev</c> starts, which have its environment.
/// </summary>
public sealed class ProxyEnvironmentTests : IDisposable
{
    private const string Proxies =
        "export http_proxy=http://127.0.0.1:1 https_proxy=http://127.0.0.1:1 all_proxy=http://127.0.0.1:1 "
        + "HTTP_PROXY=http://127.0.0.1:1 HTTPS_PROXY=http://127.0.0.1:1 ALL_PROXY=http://127.0.0.1:1; unset no_proxy NO_PROXY";

    private readonly ScratchFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData("manual")]
    [InlineData("attested")]
    public async Task Development_starts_and_every_command_on_its_sockets_works(string custody)
    {
        await using CliProcess dev = CliProcess.StartAfter(Proxies, "dev", "--dir", _folder["d"], "--custody", custody, "--output", "json");
        Assert.StartsWith("ready ", await dev.ReadLineAsync(), StringComparison.Ordinal);
        foreach (string[] command in (string[][])
        [
            ["probe", "--socket", _folder["d/kms.sock"], "--count", "3"],
            ["kek", "list", "--socket", _folder["d/admin.sock"]],
            ["metrics", "--socket", _folder["d/admin.sock"]],
        ])
        {
            await using CliProcess cli = CliProcess.StartAfter(Proxies, command);
            await cli.ReadToEndAsync();
            await cli.WaitForExitAsync(TimeSpan.FromMinutes(2));
            Assert.True(cli.ExitCode == ExitCode.Done, $"{string.Join(' ', command)}:\n{cli.Errors}");
        }
    }
}
