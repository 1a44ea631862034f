using Cloister.Conformance.Harness;

namespace Cloister.Conformance.Plugins;

/// <summary>Another plugin behind <c>cloister relay</c>: the API server's bytes cross a unix socket, the relay and a TCP port.</summary>
internal sealed class RelayedPlugin(IPluginUnderTest inner, string folder) : IPluginUnderTest
{
    private static readonly TimeSpan StartLimit = TimeSpan.FromSeconds(60);

    private ChildProcess? _relay;
    private TcpToUnixPump? _pump;

    public string ProviderName => inner.ProviderName;

    public string Socket => Path.Combine(folder, "relay.sock");

    public string EncryptionConfiguration => inner.EncryptionConfiguration.Replace(inner.Socket, Socket, StringComparison.Ordinal);

    public async Task StartAsync(CancellationToken cancellation)
    {
        await inner.StartAsync(cancellation);
        _pump ??= new TcpToUnixPump(inner.Socket);
        _relay ??= ChildProcess.Start(
            "relay", folder, CloisterPlugin.Program, "relay", "--listen", $"unix:{Socket}", "--target", _pump.Address);
        await Eventually.HoldsAsync(
            "the relay listens", StartLimit, () => Task.FromResult(File.Exists(Socket)), cancellation, () => _relay.Tail());
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

        if (_pump is not null)
        {
            await _pump.DisposeAsync();
        }

        await inner.DisposeAsync();
    }
}
