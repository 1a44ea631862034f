using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Net.Http.Json;
using System.Net.Sockets;

namespace Cloister.Bench.Gateway;

/// <summary>
/// etcd, a simulated enclave with the gateway, and etcd's grpc-proxy, on free ports; ended and deleted at the end. With mutual TLS on every
/// connection, as clusters run, or only from the client to the gateway, which has no other way.
/// </summary>
/// <param name="cloister">The command line, whose <c>dev</c> starts the enclave.</param>
/// <param name="tools">Folder of etcd and etcdload.</param>
/// <param name="fsync">Whether etcd writes to its disk.</param>
/// <param name="tls">Mutual TLS on every connection.</param>
/// <param name="enclave">The simulated enclave, or null for the one that is beside the command line or in the environment.</param>
internal sealed class Servers(string cloister, string tools, bool fsync, bool tls, string? enclave = null) : IAsyncDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("cloister-bench-").FullName;
    private readonly List<Process> _processes = [];
    private readonly List<EtcdPath> _paths = [];

    internal IReadOnlyList<EtcdPath> Paths => _paths;

    /// <summary>A folder for files of what runs beside these; deleted at the end.</summary>
    internal string Folder => _folder;

    /// <summary>URL of etcd.</summary>
    internal string Etcd { get; private set; } = "";

    /// <summary>Process of the enclave with the gateway.</summary>
    internal int Enclave { get; private set; }

    /// <summary>The folder of the enclave.</summary>
    internal string Dev => Path.Combine(_folder, "dev");

    /// <summary>Starts all three, and waits until each answers.</summary>
    internal async Task StartAsync()
    {
        await StartGatewayAsync("gateway");

        // It is a client of its own advertised address, and ends when nothing answers there.
        string proxy = $"127.0.0.1:{FreePort()}";
        Process forwarder = Start(Path.Combine(tools, "etcd"), ["grpc-proxy", "start", "--endpoints", Etcd, "--listen-addr", proxy, "--advertise-client-url", proxy,
            "--data-dir", Path.Combine(_folder, "proxy"), .. Client, .. Server]);
        forwarder.BeginOutputReadLine();
        await AddAsync("grpc-proxy", ["--endpoint", $"{Scheme}://{proxy}", .. Client], forwarder.Id);
    }

    /// <summary>Starts etcd and the gateway before it only.</summary>
    /// <param name="name">What the gateway is called in the report.</param>
    internal async Task StartGatewayAsync(string name)
    {
        string etcd = Path.Combine(tools, "etcd");
        string url = $"{Scheme}://127.0.0.1:{FreePort()}";
        string peer = $"http://127.0.0.1:{FreePort()}";
        string[] sync = fsync ? [] : ["--unsafe-no-fsync"];
        Start(etcd, ["--data-dir", Path.Combine(_folder, "etcd"), "--listen-client-urls", url, "--advertise-client-urls", url, "--listen-peer-urls", peer,
            "--initial-advertise-peer-urls", peer, "--initial-cluster", $"default={peer}", "--log-level", "error", .. sync, .. Server, .. tls ? ["--client-cert-auth"] : (string[])[]]);
        Etcd = url;
        await AddAsync("etcd", ["--endpoint", url, .. Client], 0);

        string[] upstream = tls ? ["--etcd-cacert", Files.Authority, "--etcd-cert", Files.Certificate, "--etcd-key", Files.Key] : [];
        Process parent = Start(cloister, ["dev", "--dir", Dev, "--etcd", url, .. upstream]);
        for (string? line = ""; line?.StartsWith("ready", StringComparison.Ordinal) != true; line = await parent.StandardOutput.ReadLineAsync())
        {
            if (line is null)
            {
                throw new InvalidOperationException("cloister dev ended");
            }
        }

        // Whichever thread has started it.
        Enclave = Directory.GetDirectories($"/proc/{parent.Id}/task")
            .SelectMany(task => File.ReadAllText(Path.Combine(task, "children")).Split(' ', StringSplitOptions.RemoveEmptyEntries))
            .Select(id => int.Parse(id, CultureInfo.InvariantCulture))
            .First();
        string gateway = Path.Combine(Dev, "gateway");
        await AddAsync(
            name,
            ["--endpoint", File.ReadAllText(Path.Combine(gateway, "url")), "--cacert", Path.Combine(gateway, "ca.crt"),
                "--cert", Path.Combine(gateway, "client.crt"), "--key", Path.Combine(gateway, "client.key")],
            Enclave);
    }

    /// <summary>Takes away what etcd holds for API servers: values of etcdload's are no objects, and one of them fails a list. In plain text only.</summary>
    internal async Task ClearAsync()
    {
        using HttpClient client = new() { BaseAddress = new Uri(Etcd) };
        object range = new { key = Convert.ToBase64String("/registry/"u8), range_end = Convert.ToBase64String("/registry0"u8) };
        using HttpResponseMessage response = await client.PostAsJsonAsync("/v3/kv/deleterange", range);
        response.EnsureSuccessStatusCode();
    }

    public async ValueTask DisposeAsync()
    {
        foreach (Process process in Enumerable.Reverse(_processes))
        {
            if (!process.HasExited)
            {
                process.Kill(entireProcessTree: true);
                await process.WaitForExitAsync();
            }

            process.Dispose();
        }

        Directory.Delete(_folder, recursive: true);
    }

    private string Scheme => tls ? "https" : "http";

    private Certificates Files => field ??= new Certificates(Path.Combine(_folder, "certificates"));

    private string[] Client => tls ? ["--cacert", Files.Authority, "--cert", Files.Certificate, "--key", Files.Key] : [];

    private string[] Server => tls ? ["--trusted-ca-file", Files.Authority, "--cert-file", Files.Certificate, "--key-file", Files.Key] : [];

    private static int FreePort()
    {
        using TcpListener listener = new(IPAddress.Loopback, 0);
        listener.Start();
        return ((IPEndPoint)listener.LocalEndpoint).Port;
    }

    private async Task AddAsync(string name, string[] connection, int processId)
    {
        EtcdPath path = new(name, Path.Combine(tools, "etcdload"), connection, processId);
        await path.FillAsync(1);
        _paths.Add(path);
    }

    private Process Start(string program, string[] arguments)
    {
        ProcessStartInfo start = new(program, arguments) { RedirectStandardError = true, RedirectStandardOutput = true };
        if (enclave is not null)
        {
            start.Environment["CLOISTER_ENCLAVE_SIM"] = enclave;
        }

        Process process = Process.Start(start)!;
        process.ErrorDataReceived += (_, _) => { };
        process.BeginErrorReadLine();
        _processes.Add(process);
        return process;
    }
}
