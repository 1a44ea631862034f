using System.Collections.Concurrent;
using System.Net.Http.Json;
using System.Text;
using Cloister.Conformance.Harness;
using Cloister.Contracts.Etcd;
using Cloister.Gateway.Tests.Support;
using Google.Protobuf;

namespace Cloister.Gateway.Tests.Transport;

/// <summary>Gateway and etcd go away again and again while real API-server code writes. CLOISTER_STORM_SECONDS makes it longer.</summary>
public sealed class StormTests
{
    private static readonly int Seconds = int.TryParse(Environment.GetEnvironmentVariable("CLOISTER_STORM_SECONDS"), out int seconds) ? seconds : 20;

    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    [Fact]
    public async Task NothingIsLostInClearOrOutOfOrder()
    {
        await using KubernetesUnderTest kubernetes = await KubernetesUnderTest.StartAsync();
        await kubernetes.WithGatewayAsync();
        using HttpClient api = kubernetes.Api();
        Etcds etcds = kubernetes.Etcds;
        using CancellationTokenSource over = CancellationTokenSource.CreateLinkedTokenSource(Stop);
        using CancellationTokenSource watched = CancellationTokenSource.CreateLinkedTokenSource(Stop);
        WatchRecord direct = new();
        WatchRecord through = new();
        Task[] watching = [direct.RunAsync(etcds.Direct, watched.Token), through.RunAsync(etcds.Through, watched.Token)];
        ConcurrentDictionary<string, string> acknowledged = [];
        Task[] writing = [.. Enumerable.Range(0, 8).Select(writer => WriteAsync(api, writer, acknowledged, over.Token))];
        for (long end = Environment.TickCount64 + (Seconds * 1000L); Environment.TickCount64 < end;)
        {
            int before = acknowledged.Count;
            await Eventually.HoldsAsync("writes go on", TimeSpan.FromSeconds(60), () => Task.FromResult(acknowledged.Count > before + 20), Stop);
            await etcds.Gateway.RestartAsync();
            before = acknowledged.Count;
            await Eventually.HoldsAsync("writes go on", TimeSpan.FromSeconds(60), () => Task.FromResult(acknowledged.Count > before + 20), Stop);
            await etcds.RestartAsync(Stop);
        }

        await over.CancelAsync();
        await Task.WhenAll(writing);
        await kubernetes.CreateAsync("last", "last");
        RangeResponse list = await etcds.Through.Kv.RangeAsync(Everything(), cancellationToken: Stop);
        Dictionary<string, string> found = list.Kvs.ToDictionary(kv => kv.Key.ToStringUtf8().Split('/')[^1], kv => kv.Value.ToString(Encoding.Latin1));
        Assert.All(acknowledged, secret => Assert.Contains(secret.Value, found[secret.Key], StringComparison.Ordinal));

        // Both watches saw the same, one in clear, the other not.
        long last = list.Kvs.Max(kv => kv.ModRevision);
        await Eventually.HoldsAsync(
            "both watches saw the last write", TimeSpan.FromSeconds(60), () => Task.FromResult(direct.Seen >= last && through.Seen >= last), Stop);
        await watched.CancelAsync();
        await Task.WhenAll(watching);
        Assert.Equal(direct.Events.Select(e => (e.Revision, e.Key)), through.Events.Select(e => (e.Revision, e.Key)));
        Assert.All(direct.Events, e => Assert.StartsWith("k8s:enc:kms:v2:cloister:", e.Value, StringComparison.Ordinal));
        Assert.All(through.Events, e => Assert.StartsWith("k8s\0", e.Value, StringComparison.Ordinal));
        Assert.Empty(await etcds.FilesWithAsync("TOPSECRET"u8.ToArray(), Stop));
        Assert.Equal(0, etcds.Gateway.Counter("gateway_values_undecryptable"));
    }

    private static RangeRequest Everything() => new()
    {
        Key = ByteString.CopyFromUtf8("/registry/secrets/"), RangeEnd = ByteString.CopyFromUtf8("/registry/secrets0"),
    };

    private static async Task WriteAsync(HttpClient api, int writer, ConcurrentDictionary<string, string> acknowledged, CancellationToken over)
    {
        for (int i = 0; !over.IsCancellationRequested; i++)
        {
            string name = $"w{writer}-{i}";
            string password = $"TOPSECRET-{writer}-{i}";
            try
            {
                object secret = new { apiVersion = "v1", kind = "Secret", metadata = new { name }, stringData = new { password } };
                using HttpResponseMessage response = await api.PostAsJsonAsync("/api/v1/namespaces/default/secrets", secret, CancellationToken.None);
                if (response.IsSuccessStatusCode)
                {
                    acknowledged[name] = password;
                }
                else
                {
                    await Task.Delay(50, CancellationToken.None);
                }
            }
            catch (Exception e) when (e is HttpRequestException or TaskCanceledException)
            {
                await Task.Delay(50, CancellationToken.None);
            }
        }
    }
}
