using Cloister.Conformance.Harness;

namespace Cloister.Conformance.Plugins;

/// <summary>
/// Another plugin behind <c>cloister relay</c>, which stays when the plugin stops, is killed or comes back: on a node they are two units.
/// </summary>
internal sealed class RelayedPlugin(IPluginUnderTest inner, string folder) : IPluginUnderTest
{
    private static readonly TimeSpan StartLimit = TimeSpan.FromSeconds(60);

    private ChildProcess? _relay;

    public string ProviderName => inner.ProviderName;

    public string Socket => Path.Combine(folder, "relay.sock");

    public string RelayTarget => $"unix:{Socket}";

    public string EncryptionConfiguration => inner.EncryptionConfiguration.Replace(inner.Socket, Socket, StringComparison.Ordinal);

    public async Task StartAsync(CancellationToken cancellation)
    {
        await inner.StartAsync(cancellation);
        if (_relay is null)
        {
            _relay = ChildProcess.Start("relay", folder, CloisterPlugin.Program, [
                "relay", "--listen", $"unix:{Socket}", "--target", inner.RelayTarget, .. inner.RelayKey is { } key ? (string[])["--key", key] : []]);
            await _relay.WaitForLineAsync(line => line.StartsWith("ready", StringComparison.Ordinal), StartLimit, cancellation);
        }
    }

    public Task StopAsync() => inner.StopAsync();

    public Task KillAsync() => inner.KillAsync();

    public Task RotateAsync(CancellationToken cancellation) => inner.RotateAsync(cancellation);

    public Task FailStatusAsync(CancellationToken cancellation) => inner.FailStatusAsync(cancellation);

    public async ValueTask DisposeAsync()
    {
        if (_relay is not null)
        {
            await _relay.DisposeAsync();
        }

        await inner.DisposeAsync();
    }
}
