using Cloister.Broker.Host.Hosting;
using Cloister.Broker.State;
using Cloister.KeyStores;
using Microsoft.AspNetCore.Http;

namespace Cloister.Broker.Host.Endpoints;

/// <summary>That this process answers: 200 <c>ok</c>, whatever database and key stores do. For who would start it again, which mends neither.</summary>
internal sealed class LivenessEndpoint() : Endpoint(HttpMethods.Get, "/livez", isKbs: false)
{
    /// <inheritdoc />
    public override Task ServeAsync(HttpContext http) => http.Response.WriteAsync("ok\n", http.RequestAborted);
}

/// <summary>Whether database and key stores answer: 200 <c>ok</c>, or 503 <c>unavailable</c>; the log says what. Asks at most once a second; what does not answer within five is unavailable.</summary>
internal sealed class HealthEndpoint(IBrokerState state, IReadOnlyDictionary<string, IKeyStore> stores, TimeProvider clock, BrokerLog log)
    : Endpoint(HttpMethods.Get, "/healthz", isKbs: false)
{
    private static readonly TimeSpan Holds = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan Timeout = TimeSpan.FromSeconds(5);

    private readonly Lock _lock = new();
    private DateTimeOffset _askedAt;
    private Task<bool> _answer = Task.FromResult(false);

    /// <inheritdoc />
    public override async Task ServeAsync(HttpContext http)
    {
        bool healthy = await AnswerAsync(http.RequestAborted);
        http.Response.StatusCode = healthy ? StatusCodes.Status200OK : StatusCodes.Status503ServiceUnavailable;
        await http.Response.WriteAsync(healthy ? "ok\n" : "unavailable\n", http.RequestAborted);
    }

    // A token that hangs may never come back: whoever asks does not wait for it, and it is not asked again meanwhile.
    private async Task<bool> AnswerAsync(CancellationToken cancellation)
    {
        try
        {
            return await LastAnswer().WaitAsync(Timeout, clock, cancellation);
        }
        catch (TimeoutException)
        {
            log.Unavailable(Path, $"no answer within {Timeout.TotalSeconds:0} s from the database or a key store");
            return false;
        }
    }

    private Task<bool> LastAnswer()
    {
        lock (_lock)
        {
            if (_answer.IsCompleted && clock.GetUtcNow() - _askedAt >= Holds)
            {
                _answer = Task.Run(AskAsync);
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
