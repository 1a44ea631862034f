namespace Cloister.Broker.Tests.Processes;

/// <summary>One broker for all tests that break nothing of it; each uses KEKs and enclaves of its own. Started when first asked for.</summary>
public sealed class SharedBroker : IAsyncLifetime
{
    private readonly SemaphoreSlim _gate = new(1);
    private BrokerFolder? _folder;
    private RunningPair? _running;

    public ValueTask InitializeAsync() => ValueTask.CompletedTask;

    internal async Task<RunningPair> GetAsync()
    {
        await _gate.WaitAsync(TestContext.Current.CancellationToken);
        try
        {
            _folder ??= new BrokerFolder();
            return _running ??= await RunningPair.StartAsync(_folder);
        }
        finally
        {
            _gate.Release();
        }
    }

    public async ValueTask DisposeAsync()
    {
        if (_running is not null)
        {
            await _running.DisposeAsync();
        }

        _folder?.Dispose();
        _gate.Dispose();
    }
}
