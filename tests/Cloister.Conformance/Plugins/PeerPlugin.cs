using Cloister.Conformance.Harness;

namespace Cloister.Conformance.Plugins;

/// <summary>The Go plugin of bench/go: shows that a failing case is the plugin's fault and not the harness's.</summary>
internal sealed class PeerPlugin(HarnessPrograms programs, string folder) : IPluginUnderTest
{
    private const int SigHup = 1;
    private const int SigUsr1 = 10;

    private ChildProcess? _process;

    public string ProviderName => "tee";

    public string Socket => Path.Combine(folder, "kms.sock");

    public string EncryptionConfiguration => KmsProvider.Configuration(new KmsProvider("v2", ProviderName, Socket));

    public string RelayTarget => $"unix:{Socket}";

    private ChildProcess Running => _process ?? throw new InvalidOperationException("kmspeer does not run");

    public async Task StartAsync(CancellationToken cancellation)
    {
        _process = ChildProcess.Start(
            "kmspeer", folder, programs.PathOf("kmspeer"), "--socket", Socket, "--keys", Path.Combine(folder, "keys"));
        await _process.WaitForLineAsync(
            line => line.StartsWith("ready", StringComparison.Ordinal), TimeSpan.FromSeconds(20), cancellation);
    }

    public async Task StopAsync()
    {
        Assert.True(await Running.TerminateAsync(TimeSpan.FromSeconds(5)), "kmspeer did not stop within 5 s");
        await DisposeAsync();
    }

    public async Task KillAsync()
    {
        await Running.KillAsync();
        await DisposeAsync();
    }

    public Task RotateAsync(CancellationToken cancellation)
    {
        Running.Signal(SigHup);
        return Task.CompletedTask;
    }

    public Task FailStatusAsync(CancellationToken cancellation)
    {
        Running.Signal(SigUsr1);
        return Task.CompletedTask;
    }

    public async ValueTask DisposeAsync()
    {
        if (_process is not null)
        {
            await _process.DisposeAsync();
            _process = null;
        }
    }
}
