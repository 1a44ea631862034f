namespace Cloister.Tee.Tests.EndToEnd;

/// <summary>One broker for all tests that break nothing of it, started when first asked for; each uses a KEK and a policy of its own.</summary>
public sealed class SharedLiveBroker : IAsyncLifetime
{
    private readonly SemaphoreSlim _gate = new(1);
    private LiveBroker? _broker;

    internal async Task<LiveBroker> GetAsync()
    {
        await _gate.WaitAsync(TestContext.Current.CancellationToken);
        try
        {
            return _broker ??= await LiveBroker.StartAsync();
        }
        finally
        {
            _gate.Release();
        }
    }

    public ValueTask InitializeAsync() => ValueTask.CompletedTask;

    public async ValueTask DisposeAsync()
    {
        if (_broker is not null)
        {
            await _broker.DisposeAsync();
        }

        _gate.Dispose();
    }
}
