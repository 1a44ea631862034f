using System.Diagnostics;
using System.Net.Http.Json;
using System.Text;
using System.Text.Json.Nodes;
using Cloister.Cli.Enclaves;

namespace Cloister.Cli.Demo;

/// <summary>etcd and an API server on loopback, for one demonstration. Stops what it started.</summary>
internal sealed class EndToEndCluster : IAsyncDisposable
{
    private readonly ApiServerHarness _harness;
    private readonly string _folder;
    private readonly List<Process> _processes = [];
    // etcd of the demonstration, on this machine.
    private readonly HttpClient _etcd = new(new SocketsHttpHandler { UseProxy = false, UseCookies = false, AllowAutoRedirect = false, ConnectTimeout = TimeSpan.FromSeconds(5) });

    private EndToEndCluster(ApiServerHarness harness, string folder)
    {
        _harness = harness;
        _folder = folder;
    }

    internal int ApiServerId => _processes[^1].Id;

    internal int EtcdId => _processes[0].Id;

    private string Kubeconfig => Path.Combine(_folder, "kubeconfig");

    /// <summary>Where etcd is.</summary>
    internal string EtcdUrl => _etcd.BaseAddress!.GetLeftPart(UriPartial.Authority);

    /// <summary>Starts both.</summary>
    /// <param name="harness">The programs.</param>
    /// <param name="folder">Where they keep their files.</param>
    /// <param name="encryption">Flags of the API server that say how Secrets are encrypted.</param>
    /// <param name="cancellation">Gives up.</param>
    internal static async Task<EndToEndCluster> StartAsync(ApiServerHarness harness, string folder, IReadOnlyList<string> encryption, CancellationToken cancellation)
    {
        EndToEndCluster cluster = await StartEtcdAsync(harness, folder, cancellation);
        try
        {
            await cluster.StartApiServerAsync(encryption, cancellation);
            return cluster;
        }
        catch
        {
            await cluster.DisposeAsync();
            throw;
        }
    }

    /// <summary>Starts etcd, and no API server yet.</summary>
    internal static async Task<EndToEndCluster> StartEtcdAsync(ApiServerHarness harness, string folder, CancellationToken cancellation)
    {
        Directory.CreateDirectory(folder);
        EndToEndCluster cluster = new(harness, folder);
        try
        {
            string client = $"http://127.0.0.1:{LoopbackPort.Free()}";
            string peer = $"http://127.0.0.1:{LoopbackPort.Free()}";
            cluster._etcd.BaseAddress = new Uri(client);
            cluster.Start("etcd", "--data-dir", Path.Combine(folder, "etcd"), "--listen-client-urls", client, "--advertise-client-urls", client,
                "--listen-peer-urls", peer, "--initial-advertise-peer-urls", peer, "--initial-cluster", $"default={peer}", "--log-level", "error");
            await UntilAsync("etcd answers", async () => (await cluster._etcd.GetAsync("health", cancellation)).IsSuccessStatusCode, cancellation);
            return cluster;
        }
        catch
        {
            await cluster.DisposeAsync();
            throw;
        }
    }

    /// <summary>Starts one more API server on the etcd of another cluster, which has to outlive it.</summary>
    internal static async Task<EndToEndCluster> StartBesideAsync(EndToEndCluster other, string folder, IReadOnlyList<string> encryption, CancellationToken cancellation)
    {
        Directory.CreateDirectory(folder);
        EndToEndCluster cluster = new(other._harness, folder);
        try
        {
            cluster._etcd.BaseAddress = new Uri(other.EtcdUrl);
            await cluster.StartApiServerAsync(encryption, cancellation);
            return cluster;
        }
        catch
        {
            await cluster.DisposeAsync();
            throw;
        }
    }

    /// <summary>Starts the API server and waits until it is ready.</summary>
    /// <param name="encryption">Flags that say how Secrets are encrypted.</param>
    /// <param name="cancellation">Gives up.</param>
    internal async Task StartApiServerAsync(IReadOnlyList<string> encryption, CancellationToken cancellation)
    {
        Start("apiserver", ["--cert-dir", Path.Combine(_folder, "certificates"), "--write-kubeconfig", Kubeconfig, "--etcd-servers", EtcdUrl, .. encryption]);
        await UntilAsync("the API server is ready", async () => File.Exists(Kubeconfig) && (await KubectlAsync(cancellation, "get", "--raw", "/readyz")).ExitCode == 0, cancellation);
    }

    /// <summary>The API server's Secrets.</summary>
    internal async Task<SecretsApi> SecretsAsync(CancellationToken cancellation) =>
        SecretsApi.Open(JsonNode.Parse((await KubectlAsync(cancellation, "config", "view", "--raw", "-o", "json")).Output)!);

    /// <summary>Creates a Secret with kubectl and reads it back.</summary>
    internal async Task<bool> RoundTripAsync(string name, string password, CancellationToken cancellation)
    {
        await UntilAsync("the Secret is written", async () => (await KubectlAsync(cancellation, "create", "secret", "generic", name, $"--from-literal=password={password}")).ExitCode == 0, cancellation);
        (int exitCode, string output) = await KubectlAsync(cancellation, "get", "secret", name, "-o", "jsonpath={.data.password}");
        return exitCode == 0 && Encoding.UTF8.GetString(Convert.FromBase64String(output)) == password;
    }

    /// <summary>Passwords of all Secrets by name, as a list of the API server's has them.</summary>
    internal async Task<Dictionary<string, string>> PasswordsAsync(CancellationToken cancellation)
    {
        (int exitCode, string output) = await KubectlAsync(cancellation, "get", "secrets", "-o", "json");
        return exitCode != 0
            ? throw new CliException("the API server does not list Secrets")
            : JsonNode.Parse(output)!["items"]!.AsArray().ToDictionary(
                item => item!["metadata"]!["name"]!.GetValue<string>(),
                item => Encoding.UTF8.GetString(Convert.FromBase64String(item!["data"]!["password"]!.GetValue<string>())));
    }

    /// <summary>Gives a Secret another password.</summary>
    internal async Task<bool> ChangeAsync(string name, string password, CancellationToken cancellation) =>
        (await KubectlAsync(cancellation, "patch", "secret", name, "--type", "merge", "-p", new JsonObject { ["stringData"] = new JsonObject { ["password"] = password } }.ToJsonString())).ExitCode == 0;

    /// <summary>What etcd holds under a key.</summary>
    internal async Task<byte[]> StoredAsync(string key, CancellationToken cancellation)
    {
        using HttpResponseMessage response = await _etcd.PostAsync(
            "v3/kv/range",
            new StringContent(new JsonObject { ["key"] = Convert.ToBase64String(Encoding.UTF8.GetBytes(key)) }.ToJsonString()),
            cancellation);
        JsonNode answer = (await response.Content.ReadFromJsonAsync(DemoJson.Default.JsonNode, cancellation))!;
        return Convert.FromBase64String(answer["kvs"]![0]!["value"]!.GetValue<string>());
    }

    public async ValueTask DisposeAsync()
    {
        _etcd.Dispose();
        foreach (Process process in Enumerable.Reverse(_processes))
        {
            if (!process.HasExited)
            {
                process.Kill();
                await process.WaitForExitAsync();
            }

            process.Dispose();
        }
    }

    private static async Task UntilAsync(string what, Func<Task<bool>> holds, CancellationToken cancellation)
    {
        long deadline = Environment.TickCount64 + 60_000;
        while (Environment.TickCount64 < deadline)
        {
            try
            {
                if (await holds())
                {
                    return;
                }
            }
            catch (HttpRequestException)
            {
                // Not there yet.
            }

            await Task.Delay(200, cancellation);
        }

        throw new CliException($"end to end: not within 60 s: {what}");
    }

    private void Start(string program, params string[] arguments)
    {
        Process process = Process.Start(new ProcessStartInfo(_harness.PathOf(program), arguments)
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            UseShellExecute = false,
        }) ?? throw new CliException($"{program} cannot be started");

        // Read, so that it never waits for a full pipe.
        process.BeginOutputReadLine();
        process.BeginErrorReadLine();
        _processes.Add(process);
    }

    private async Task<(int ExitCode, string Output)> KubectlAsync(CancellationToken cancellation, params string[] arguments)
    {
        ProcessStartInfo start = new(_harness.PathOf("kubectl"), ["--kubeconfig", Kubeconfig, .. arguments])
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            UseShellExecute = false,
        };
        start.Environment["HOME"] = _folder;
        using Process process = Process.Start(start) ?? throw new CliException("kubectl cannot be started");
        Task<string> errors = process.StandardError.ReadToEndAsync(cancellation);
        string output = await process.StandardOutput.ReadToEndAsync(cancellation);
        await process.WaitForExitAsync(cancellation);
        await errors;
        return (process.ExitCode, output);
    }
}
