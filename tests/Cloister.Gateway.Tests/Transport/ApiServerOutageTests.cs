using System.Diagnostics;
using System.Net;
using Cloister.Conformance.Harness;
using Cloister.Gateway.Tests.Support;

namespace Cloister.Gateway.Tests.Transport;

/// <summary>Real API-server code while the gateway is there and etcd is not, as the gateway sees it. Prints how long things took.</summary>
public sealed class ApiServerOutageTests(ITestOutputHelper output)
{
    // Longer than an API server waits for an etcd to connect to when it starts.
    private static readonly TimeSpan Outage = TimeSpan.FromSeconds(30);
    private static readonly TimeSpan Timeout = TimeSpan.FromSeconds(90);

    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    [Fact]
    public async Task ItStartsWithoutEtcdAndComesBackWithIt()
    {
        int port = LoopbackPort.Next();
        await using KubernetesUnderTest kubernetes = await KubernetesUnderTest.StartAsync(change: options => options with { Endpoints = [GatewayUnderTest.Plain(port)] });
        using CutTcp etcd = new(port, new Uri(kubernetes.Etcds.Url).Port);
        await kubernetes.WithGatewayAsync(ready: false);
        await Task.Delay(Outage, Stop);
        Assert.True((await kubernetes.Kubectl.RunAsync(Stop, "get", "configmaps")).Succeeded);
        etcd.Join();
        Say("first good list after etcd is there", await GoodAsync(kubernetes));
        await kubernetes.CreateAsync("db", "TOPSECRET");

        // It goes, and comes back.
        etcd.Cut();
        using HttpClient api = kubernetes.Api();
        long begun = Stopwatch.GetTimestamp();
        using (HttpResponseMessage refused = await api.GetAsync("/api/v1/namespaces/default/secrets/db", Stop))
        {
            Say($"GET without etcd ends with {(int)refused.StatusCode}", Stopwatch.GetElapsedTime(begun));
            Assert.NotEqual(HttpStatusCode.OK, refused.StatusCode);
        }

        await Task.Delay(Outage, Stop);
        etcd.Join();
        Say("first good list after etcd is back", await GoodAsync(kubernetes));
        Say("/readyz good behind that", await Eventually.HoldsAsync("it is ready", Timeout, () => kubernetes.Kubectl.IsOkAsync("/readyz", Stop), Stop));
        Assert.Equal("TOPSECRET", await kubernetes.Kubectl.ReadSecretAsync("db", Stop));
    }

    private static Task<TimeSpan> GoodAsync(KubernetesUnderTest kubernetes) => Eventually.HoldsAsync(
        "Secrets are listed", Timeout, async () => (await kubernetes.Kubectl.RunAsync(Stop, "get", "secrets", "-o", "name")).Succeeded, Stop);

    private void Say(string what, TimeSpan time) => output.WriteLine($"{what}: {time.TotalMilliseconds:F0} ms");
}
