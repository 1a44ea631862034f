using System.Collections.Concurrent;
using System.Net;
using Cloister.Broker.Tests.Processes;

namespace Cloister.Broker.Tests.Failures;

/// <summary>
/// Traffic that never ends: new leases for a simulated enclave at each broker in turn. Every lease that was answered is kept; not to be answered, and
/// <c>Busy</c>, is what an outage may look like; any other answer is a failure.
/// </summary>
internal sealed class GrantedLeases : IAsyncDisposable
{
    private const int Callers = 4;

    private readonly CancellationTokenSource _stop = new();
    private readonly ConcurrentQueue<(string Url, string Lease)> _granted = [];
    private readonly Task _traffic;

    public GrantedLeases(IReadOnlyList<Uri> brokers, string pin, SimulatedEnclave enclave, string kek) =>
        _traffic = Task.WhenAll(Enumerable.Range(0, Callers).Select(caller => Task.Run(() => AskAsync(brokers, pin, enclave, kek, caller))));

    public IReadOnlyCollection<string> All => [.. _granted.Select(one => one.Lease)];

    /// <summary>Waits until so many more were granted, by this broker or by any.</summary>
    public async Task MoreAsync(int count, Uri? by = null)
    {
        int before = Count(by);
        using CancellationTokenSource limit = new(BrokerProcess.Timeout);
        while (Count(by) < before + count)
        {
            Assert.False(_traffic.IsFaulted, _traffic.Exception?.ToString());
            await Task.Delay(50, limit.Token);
        }
    }

    public async Task StopAsync()
    {
        await _stop.CancelAsync();
        await _traffic;
    }

    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        await _traffic.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        _stop.Dispose();
    }

    private int Count(Uri? by) => _granted.Count(one => by is null || one.Url == by.ToString());

    private async Task AskAsync(IReadOnlyList<Uri> brokers, string pin, SimulatedEnclave enclave, string kek, int caller)
    {
        List<KbsClient> clients = [.. brokers.Select(url => new KbsClient(url, pin))];
        for (int turn = caller; !_stop.IsCancellationRequested; turn++)
        {
            try
            {
                KbsAnswer answer = await clients[turn % clients.Count].LeaseAsync(enclave, kek);
                if (answer.Status == HttpStatusCode.ServiceUnavailable)
                {
                    answer.Refused(503, "Busy");
                    await Task.Delay(50, CancellationToken.None);
                    continue;
                }

                _granted.Enqueue((brokers[turn % clients.Count].ToString(), ReceivedLease.Read(answer, enclave, pin).Terms.Lease));
            }
            catch (HttpRequestException)
            {
                await Task.Delay(50, CancellationToken.None); // it is away
            }
        }

        clients.ForEach(client => client.Dispose());
    }
}
