using Cloister.Conformance.Harness;

namespace Cloister.Conformance.Plugins;

/// <summary><c>cloister dev</c> with custody manual, and what an operator does to it through <c>cloister kek</c>.</summary>
internal sealed class CloisterPlugin(string folder) : IPluginUnderTest
{
    private static readonly TimeSpan StartLimit = TimeSpan.FromSeconds(60);

    private ChildProcess? _process;

    /// <summary>The command at the root of the repository.</summary>
    public static string Program { get; } = Repository.PathOf("cloister");

    public string ProviderName => "tee";

    public string Socket => Path.Combine(folder, "kms.sock");

    public string EncryptionConfiguration => File.ReadAllText(Path.Combine(folder, "encryption.yaml"));

    public string RelayTarget => $"unix:{Socket}";

    private string AdminSocket => Path.Combine(folder, "admin.sock");

    private ChildProcess Running => _process ?? throw new InvalidOperationException("cloister dev does not run");

    public async Task StartAsync(CancellationToken cancellation)
    {
        _process = ChildProcess.Start(
            "cloister", folder, Program, "dev", "--dir", folder, "--custody", "manual", "--provider-name", ProviderName);
        await _process.WaitForLineAsync(line => line.StartsWith("ready", StringComparison.Ordinal), StartLimit, cancellation);
    }

    public async Task StopAsync()
    {
        Assert.True(await Running.TerminateAsync(TimeSpan.FromSeconds(5)), "cloister dev did not stop within 5 s:\n" + Running.Tail());
        await DisposeAsync();
    }

    public async Task KillAsync()
    {
        await Running.KillAsync();
        await DisposeAsync();
    }

    public Task RotateAsync(CancellationToken cancellation) => KekAsync(["create", "--name", "conformance"], cancellation);

    /// <summary>Without keys, Status is a gRPC error.</summary>
    public Task FailStatusAsync(CancellationToken cancellation) => KekAsync(["wipe", "--yes-wipe", ProviderName], cancellation);

    public async ValueTask DisposeAsync()
    {
        if (_process is not null)
        {
            await _process.DisposeAsync();
            _process = null;
        }
    }

    private async Task KekAsync(string[] arguments, CancellationToken cancellation)
    {
        CommandResult result = await Command.RunAsync(Program, ["kek", .. arguments, "--socket", AdminSocket], cancellation);
        result.EnsureSuccess();
    }
}
