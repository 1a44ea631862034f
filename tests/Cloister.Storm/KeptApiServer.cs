using Cloister.Conformance.Harness;

namespace Cloister.Storm;

/// <summary>An API server on a port of its own that is started again when it ends, as a kubelet does: without its etcd it does not stay.</summary>
internal sealed class KeptApiServer : IAsyncDisposable
{
    private static readonly TimeSpan Pause = TimeSpan.FromSeconds(1);

    private readonly CancellationTokenSource _stop = new();
    private readonly Task _kept;

    internal KeptApiServer(HarnessPrograms programs, string folder, IEnumerable<string> arguments)
    {
        int port = LoopbackPort.Next();
        Url = new Uri($"https://127.0.0.1:{port}");
        _kept = KeepAsync(programs, folder, ["--secure-port", $"{port}", .. arguments]);
    }

    internal Uri Url { get; }

    internal int Starts { get; private set; }

    internal string Tail { get; private set; } = "";

    /// <summary>A client of it; its certificate is one that it made itself.</summary>
    internal HttpClient Client(TimeSpan timeout)
    {
        HttpClientHandler handler = new() { ServerCertificateCustomValidationCallback = HttpClientHandler.DangerousAcceptAnyServerCertificateValidator };
        return new HttpClient(handler) { BaseAddress = Url, Timeout = timeout };
    }

    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        await _kept;
        _stop.Dispose();
    }

    private async Task KeepAsync(HarnessPrograms programs, string folder, string[] arguments)
    {
        while (!_stop.IsCancellationRequested)
        {
            try
            {
                Starts++;
                await using ApiServer server = await ApiServer.StartAsync(programs, folder, Path.Combine(folder, "kubeconfig"), arguments, _stop.Token);
                while (!server.HasExited)
                {
                    await Task.Delay(Pause, _stop.Token);
                    Tail = server.Tail();
                }
            }
            catch (Exception e) when (e is InvalidOperationException or TimeoutException or OperationCanceledException)
            {
                // It ended, or did not come up, or is not wanted any more.
                Tail = e.Message;
                await Task.Delay(Pause, CancellationToken.None);
            }
        }
    }
}
