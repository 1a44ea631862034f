namespace Cloister.KeyStores.Tests.Stores;

/// <summary>Stops, after the last test, what tests started for all.</summary>
public sealed class SharedServers : IAsyncLifetime
{
    public ValueTask InitializeAsync() => ValueTask.CompletedTask;

    public async ValueTask DisposeAsync() => await PostgresServer.StopSharedAsync();
}
