using System.Net.Http.Json;
using System.Text;
using System.Text.Json;

namespace Cloister.Conformance.Harness;

/// <summary>etcd with one member on loopback, read and written through its JSON gateway.</summary>
internal sealed class EtcdServer : IAsyncDisposable
{
    private readonly Func<ChildProcess> _start;
    private readonly HttpClient _client;
    private ChildProcess _process;

    private EtcdServer(Func<ChildProcess> start, string url)
    {
        _start = start;
        _process = start();
        _client = new HttpClient { BaseAddress = new Uri(url), Timeout = TimeSpan.FromSeconds(20) };
        Url = url;
    }

    public string Url { get; }

    public int Id => _process.Id;

    /// <summary>Starts one whose data is in <c>FOLDER/etcd</c>.</summary>
    public static Task<EtcdServer> StartAsync(HarnessPrograms programs, string folder, CancellationToken cancellation, params IEnumerable<string> arguments) =>
        StartAsync(programs, folder, "", cancellation, arguments);

    /// <summary>Starts one that listens for clients elsewhere too, such as <c>https://127.0.0.1:PORT</c>.</summary>
    public static async Task<EtcdServer> StartAsync(
        HarnessPrograms programs, string folder, string listensToo, CancellationToken cancellation, params IEnumerable<string> arguments)
    {
        string client = $"http://127.0.0.1:{LoopbackPort.Next()}";
        string peer = $"http://127.0.0.1:{LoopbackPort.Next()}";
        EtcdServer server = new(
            () => ChildProcess.Start(
                "etcd",
                folder,
                programs.PathOf("etcd"),
                ["--data-dir", Path.Combine(folder, "etcd"), "--listen-client-urls", $"{client},{listensToo}".TrimEnd(','), "--advertise-client-urls", client,
                 "--listen-peer-urls", peer, "--initial-advertise-peer-urls", peer, "--initial-cluster", $"default={peer}",
                 "--log-level", "error", "--unsafe-no-fsync", .. arguments]),
            client);
        try
        {
            await server.UntilHealthyAsync(cancellation);
            return server;
        }
        catch
        {
            await server.DisposeAsync();
            throw;
        }
    }

    /// <summary>SIGKILL.</summary>
    public Task KillAsync() => _process.KillAsync();

    /// <summary>Starts it again on its data and its ports, after it was killed.</summary>
    public async Task StartAgainAsync(CancellationToken cancellation)
    {
        await _process.DisposeAsync();
        _process = _start();
        await UntilHealthyAsync(cancellation);
    }

    /// <summary>The stored bytes of a key, or null.</summary>
    public async Task<byte[]?> GetAsync(string key, CancellationToken cancellation)
    {
        using JsonDocument answer = await PostAsync("v3/kv/range", new { key = Encoding.UTF8.GetBytes(key) }, cancellation);
        return answer.RootElement.TryGetProperty("kvs", out JsonElement found) ? found[0].GetProperty("value").GetBytesFromBase64() : null;
    }

    public async Task PutAsync(string key, byte[] value, CancellationToken cancellation)
    {
        using JsonDocument answer = await PostAsync("v3/kv/put", new { key = Encoding.UTF8.GetBytes(key), value }, cancellation);
    }

    public async Task DeleteAsync(string key, CancellationToken cancellation)
    {
        using JsonDocument answer = await PostAsync("v3/kv/deleterange", new { key = Encoding.UTF8.GetBytes(key) }, cancellation);
    }

    public async ValueTask DisposeAsync()
    {
        _client.Dispose();
        await _process.DisposeAsync();
    }

    private async Task<JsonDocument> PostAsync<T>(string path, T request, CancellationToken cancellation)
    {
        using HttpResponseMessage response = await _client.PostAsJsonAsync(path, request, cancellation);
        response.EnsureSuccessStatusCode();
        return await JsonDocument.ParseAsync(await response.Content.ReadAsStreamAsync(cancellation), cancellationToken: cancellation);
    }

    private Task<TimeSpan> UntilHealthyAsync(CancellationToken cancellation) => Eventually.HoldsAsync(
        "etcd answers", TimeSpan.FromMinutes(4), () => IsHealthyAsync(cancellation), cancellation, () => _process.Tail());

    private async Task<bool> IsHealthyAsync(CancellationToken cancellation)
    {
        try
        {
            using HttpResponseMessage response = await _client.GetAsync("health", cancellation);
            return response.IsSuccessStatusCode;
        }
        catch (HttpRequestException) when (!_process.HasExited)
        {
            return false;
        }
    }
}
