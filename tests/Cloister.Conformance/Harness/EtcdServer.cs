using System.Text.Json;

namespace Cloister.Conformance.Harness;

/// <summary>etcd with one member on loopback.</summary>
internal sealed class EtcdServer : IAsyncDisposable
{
    private readonly ChildProcess _process;
    private readonly string _etcdctl;

    private EtcdServer(ChildProcess process, string etcdctl, string url)
    {
        _process = process;
        _etcdctl = etcdctl;
        Url = url;
    }

    public string Url { get; }

    public static async Task<EtcdServer> StartAsync(HarnessPrograms programs, string folder, CancellationToken cancellation)
    {
        string client = $"http://127.0.0.1:{LoopbackPort.Next()}";
        string peer = $"http://127.0.0.1:{LoopbackPort.Next()}";
        ChildProcess process = ChildProcess.Start(
            "etcd",
            folder,
            programs.PathOf("etcd"),
            ["--data-dir", Path.Combine(folder, "etcd"), "--listen-client-urls", client, "--advertise-client-urls", client,
             "--listen-peer-urls", peer, "--initial-advertise-peer-urls", peer, "--initial-cluster", $"default={peer}",
             "--log-level", "error", "--unsafe-no-fsync"]);
        EtcdServer server = new(process, programs.PathOf("etcdctl"), client);
        try
        {
            await Eventually.HoldsAsync(
                "etcd answers",
                TimeSpan.FromSeconds(30),
                async () => (await server.RunAsync(["endpoint", "health"], cancellation)).Succeeded,
                cancellation,
                () => process.Tail());
            return server;
        }
        catch
        {
            await server.DisposeAsync();
            throw;
        }
    }

    /// <summary>The stored bytes of a key, or null.</summary>
    public async Task<byte[]?> GetAsync(string key, CancellationToken cancellation)
    {
        string json = (await RunAsync(["get", key, "--write-out", "json"], cancellation)).EnsureSuccess();
        using JsonDocument answer = JsonDocument.Parse(json);
        return answer.RootElement.TryGetProperty("kvs", out JsonElement found) ? found[0].GetProperty("value").GetBytesFromBase64() : null;
    }

    public ValueTask DisposeAsync() => _process.DisposeAsync();

    private Task<CommandResult> RunAsync(IEnumerable<string> arguments, CancellationToken cancellation) =>
        Command.RunAsync(_etcdctl, ["--endpoints", Url, .. arguments], cancellation);
}
