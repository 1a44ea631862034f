using Cloister.Broker.Host.Hosting;
using Cloister.Broker.State;
using Cloister.KeyStores;
using Microsoft.AspNetCore.Http;

namespace Cloister.Broker.Host.Endpoints;

/// <summary>Whether database and key stores answer: 200 <c>ok</c>, or 503 <c>unavailable</c>; the log says what. Asks at most once a second.</summary>
internal sealed class HealthEndpoint(IBrokerState state, IReadOnlyDictionary<string, IKeyStore> stores, TimeProvider clock, BrokerLog log)
    : Endpoint(HttpMethods.Get, "/healthz", isKbs: false)
{
    private static readonly TimeSpan Holds = TimeSpan.FromSeconds(1);

    private readonly Lock _lock = new();
    private DateTimeOffset _askedAt;
    private Task<bool> _answer = Task.FromResult(false);

    /// <inheritdoc />
    public override async Task ServeAsync(HttpContext http)
    {
        bool healthy = await LastAnswer().WaitAsync(http.RequestAborted);
        http.Response.StatusCode = healthy ? StatusCodes.Status200OK : StatusCodes.Status503ServiceUnavailable;
        await http.Response.WriteAsync(healthy ? "ok\n" : "unavailable\n", http.RequestAborted);
    }

    private Task<bool> LastAnswer()
    {
        lock (_lock)
        {
            if (_answer.IsCompleted && clock.GetUtcNow() - _askedAt >= Holds)
            {
                _answer = AskAsync();
                _askedAt = clock.GetUtcNow();
            }

            return _answer;
        }
    }

    private async Task<bool> AskAsync()
    {
        try
        {
            await state.CheckAsync(CancellationToken.None);
            foreach (IKeyStore store in stores.Values)
            {
                await store.CheckAsync(CancellationToken.None);
            }

            return true;
        }
        catch (Exception e) when (e is BrokerStateException or KeyStoreException)
        {
            log.Unavailable(Path, e.Message);
            return false;
        }
    }
}
