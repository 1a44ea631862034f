using System.Diagnostics;

namespace Cloister.Bench.Gateway;

/// <summary>One life of the API server of tests/apiserver, on a free port, and a client of it.</summary>
internal sealed class RunningApiServer : IAsyncDisposable
{
    private readonly Process _process;

    private RunningApiServer(Process process, Uri url)
    {
        _process = process;
        HttpClientHandler handler = new() { ServerCertificateCustomValidationCallback = HttpClientHandler.DangerousAcceptAnyServerCertificateValidator };
        Api = new HttpClient(handler) { BaseAddress = url, Timeout = TimeSpan.FromMinutes(2) };
    }

    /// <summary>Its interface; the certificate is one that it made itself.</summary>
    internal HttpClient Api { get; }

    /// <summary>Starts it and waits until it listens; it need not be ready.</summary>
    internal static async Task<RunningApiServer> StartAsync(Servers servers, string program, IEnumerable<string> arguments)
    {
        string kubeconfig = Path.Combine(servers.Folder, "kubeconfig");
        File.Delete(kubeconfig);
        Process process = Process.Start(new ProcessStartInfo(
            program,
            ["--cert-dir", Path.Combine(servers.Folder, "certificates"), "--write-kubeconfig", kubeconfig, "--etcd-servers", servers.Etcd, .. arguments])
        {
            RedirectStandardOutput = true, RedirectStandardError = true,
        })!;
        process.OutputDataReceived += (_, _) => { };
        process.BeginOutputReadLine();
        process.ErrorDataReceived += (_, _) => { };
        process.BeginErrorReadLine();
        while (true)
        {
            if (process.HasExited)
            {
                throw new InvalidOperationException("the API server ended");
            }

            if (File.Exists(kubeconfig) && (await File.ReadAllLinesAsync(kubeconfig)).FirstOrDefault(line => line.Contains("server:", StringComparison.Ordinal)) is { } server)
            {
                return new RunningApiServer(process, new Uri(server.Split("server:")[1].Trim().Trim('"')));
            }

            await Task.Delay(2);
        }
    }

    /// <summary>Waits until it says that it is ready.</summary>
    internal async Task UntilReadyAsync()
    {
        while (true)
        {
            using HttpResponseMessage response = await Api.GetAsync("/readyz");
            if (response.IsSuccessStatusCode)
            {
                return;
            }

            await Task.Delay(20);
        }
    }

    /// <summary>Ends it at once: a graceful stop waits a minute for watches.</summary>
    public async ValueTask DisposeAsync()
    {
        Api.Dispose();
        _process.Kill();
        await _process.WaitForExitAsync();
        _process.Dispose();
    }
}
