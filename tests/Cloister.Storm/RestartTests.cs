using System.Diagnostics;
using System.Net;
using System.Net.Http.Json;
using Cloister.Conformance.Harness;

namespace Cloister.Storm;

/// <summary>What a restart of the enclave costs an API server whose Secrets go through its gateway. Prints it; docs/gateway.md has the numbers.</summary>
[Collection("storm")]
public sealed class RestartTests(ITestOutputHelper output)
{
    private const string Secrets = "/api/v1/namespaces/default/secrets";

    // A supervisor's pause, systemd's by default.
    private static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(100);
    private static readonly TimeSpan Timeout = TimeSpan.FromMinutes(4);

    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData("SIGKILL", 0)]
    [InlineData("SIGTERM", 0)]
    [InlineData("SIGKILL", 20)]
    public async Task EverythingComesBackByItself(string signal, int secondsAway)
    {
        await using StormCluster cluster = await StormCluster.StartAsync();
        using HttpClient cached = cluster.Cached.Client(TimeSpan.FromSeconds(70));
        using HttpClient uncached = cluster.Uncached.Client(TimeSpan.FromSeconds(70));
        int created = 0;
        Probe[] probes =
        [
            new("GET, from etcd", () => uncached.GetAsync($"{Secrets}/kept", Stop)),
            new("GET, from the watch cache (resourceVersion=0)", () => cached.GetAsync($"{Secrets}?resourceVersion=0", Stop)),
            new("POST", () => PostAsync(cached, $"new-{Interlocked.Increment(ref created)}")),
            new("/readyz", () => cached.GetAsync("/readyz", Stop)),
            new("/livez", () => cached.GetAsync("/livez", Stop)),
        ];
        await Eventually.HoldsAsync("the first Secret is written", Timeout, async () => await IsGoodAsync(() => PostAsync(uncached, "kept")), Stop, cluster.Tail);
        await Eventually.HoldsAsync("everything is well", Timeout, async () => (await Task.WhenAll(probes.Select(probe => IsGoodAsync(probe.Call)))).All(good => good), Stop, cluster.Tail);
        int starts = cluster.Cached.Starts + cluster.Uncached.Starts;

        using CancellationTokenSource over = CancellationTokenSource.CreateLinkedTokenSource(Stop);
        Task[] probing = [.. probes.Select(probe => probe.RunAsync(over.Token))];
        await Task.Delay(1000, Stop);
        Victim enclave = cluster.Victims[0];
        await (signal == "SIGTERM" ? cluster.StopEnclaveAsync() : enclave.KillAsync());
        await Task.Delay(Pause + TimeSpan.FromSeconds(secondsAway), Stop);
        long again = Stopwatch.GetTimestamp();
        await enclave.StartAsync();
        await Eventually.HoldsAsync("everything is well again", Timeout, () => Task.FromResult(probes.All(probe => probe.GoodSince(again))), Stop, cluster.Tail);
        await over.CancelAsync();
        await Task.WhenAll(probing);
        output.WriteLine($"{signal}, away for {Pause.TotalMilliseconds + (1000 * secondsAway)} ms; load {File.ReadAllText("/proc/loadavg").Split(' ')[0]}");
        foreach (Probe probe in probes)
        {
            output.WriteLine($"{probe.Name}: {probe.Longest.TotalMilliseconds:F0} ms without a good answer, {probe.Bad} bad ones");
        }

        // What was there is there, and no API server had to be started again.
        Assert.True(await IsGoodAsync(() => uncached.GetAsync($"{Secrets}/kept", Stop)));
        Assert.Equal(starts, cluster.Cached.Starts + cluster.Uncached.Starts);
    }

    private static Task<HttpResponseMessage> PostAsync(HttpClient api, string name) => api.PostAsJsonAsync(
        Secrets, new { apiVersion = "v1", kind = "Secret", metadata = new { name }, stringData = new { password = "x" } }, Stop);

    private static async Task<bool> IsGoodAsync(Func<Task<HttpResponseMessage>> call)
    {
        try
        {
            using HttpResponseMessage response = await call();
            return response.StatusCode is HttpStatusCode.OK or HttpStatusCode.Created or HttpStatusCode.Conflict;
        }
        catch (Exception e) when (e is HttpRequestException or TaskCanceledException)
        {
            return false;
        }
    }

    // One call again and again, and the longest time between two good answers.
    private sealed class Probe(string name, Func<Task<HttpResponseMessage>> call)
    {
        private long _last = Stopwatch.GetTimestamp();
        private long _begun;

        internal string Name => name;

        internal Func<Task<HttpResponseMessage>> Call => call;

        internal TimeSpan Longest { get; private set; }

        internal int Bad { get; private set; }

        // A call that was begun behind that moment is answered.
        internal bool GoodSince(long moment) => Volatile.Read(ref _begun) > moment;

        internal async Task RunAsync(CancellationToken over)
        {
            _last = Stopwatch.GetTimestamp();
            while (!over.IsCancellationRequested)
            {
                long begun = Stopwatch.GetTimestamp();
                if (await IsGoodAsync(call))
                {
                    Longest = TimeSpan.FromTicks(Math.Max(Longest.Ticks, Stopwatch.GetElapsedTime(_last).Ticks));
                    _last = Stopwatch.GetTimestamp();
                    Volatile.Write(ref _begun, begun);
                }
                else
                {
                    Bad++;
                }

                await Task.Delay(20, CancellationToken.None);
            }
        }
    }
}
