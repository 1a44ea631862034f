using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Net.Security;
using System.Net.Sockets;
using System.Security.Cryptography.X509Certificates;
using Grpc.Net.Client;

namespace Cloister.Bench.Gateway;

/// <summary>etcd, a simulated enclave with the gateway, and etcd's grpc-proxy, on free ports; ended and deleted at the end.</summary>
internal sealed class Servers(string cloister, string etcd, bool fsync) : IAsyncDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("cloister-bench-").FullName;
    private readonly List<Process> _processes = [];
    private readonly List<EtcdPath> _paths = [];

    internal IReadOnlyList<EtcdPath> Paths => _paths;

    internal async Task StartAsync()
    {
        string url = $"http://127.0.0.1:{FreePort()}";
        string peer = $"http://127.0.0.1:{FreePort()}";
        string[] sync = fsync ? [] : ["--unsafe-no-fsync"];
        Start(etcd, ["--data-dir", Path.Combine(_folder, "etcd"), "--listen-client-urls", url, "--advertise-client-urls", url, "--listen-peer-urls", peer,
            "--initial-advertise-peer-urls", peer, "--initial-cluster", $"default={peer}", "--log-level", "error", .. sync]);
        _paths.Add(new EtcdPath("etcd", Channel(url), 0));
        await _paths[^1].UntilItAnswersAsync();

        string dev = Path.Combine(_folder, "dev");
        Process parent = Start(cloister, ["dev", "--dir", dev, "--etcd", url]);
        for (string? line = ""; line?.StartsWith("ready", StringComparison.Ordinal) != true; line = await parent.StandardOutput.ReadLineAsync())
        {
            if (line is null)
            {
                throw new InvalidOperationException("cloister dev ended");
            }
        }

        // A child belongs to the thread that started it.
        string children = string.Concat(Directory.EnumerateDirectories($"/proc/{parent.Id}/task").Select(task => File.ReadAllText($"{task}/children")));
        int enclave = int.Parse(children.Trim().Split(' ')[0], CultureInfo.InvariantCulture);
        _paths.Add(new EtcdPath("gateway", Channel(File.ReadAllText(Path.Combine(dev, "gateway/url")), Tls(Path.Combine(dev, "gateway"))), enclave));
        await _paths[^1].UntilItAnswersAsync();

        // It is a client of its own advertised address, and ends when nothing answers there.
        string proxy = $"127.0.0.1:{FreePort()}";
        Process forwarder = Start(etcd, ["grpc-proxy", "start", "--endpoints", url, "--listen-addr", proxy, "--advertise-client-url", proxy,
            "--data-dir", Path.Combine(_folder, "proxy")]);
        forwarder.BeginOutputReadLine();
        _paths.Add(new EtcdPath("grpc-proxy", Channel($"http://{proxy}"), forwarder.Id));
        await _paths[^1].UntilItAnswersAsync();
    }

    public async ValueTask DisposeAsync()
    {
        _paths.ForEach(path => path.Dispose());
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

    private static GrpcChannel Channel(string url, SocketsHttpHandler? handler = null) =>
        GrpcChannel.ForAddress(url, new GrpcChannelOptions { HttpHandler = handler, MaxReceiveMessageSize = null });

    private static SocketsHttpHandler Tls(string files)
    {
        X509ChainPolicy policy = new() { TrustMode = X509ChainTrustMode.CustomRootTrust, RevocationMode = X509RevocationMode.NoCheck };
        policy.CustomTrustStore.ImportFromPemFile(Path.Combine(files, "ca.crt"));
        X509Certificate2 certificate = X509Certificate2.CreateFromPemFile(Path.Combine(files, "client.crt"), Path.Combine(files, "client.key"));
        return new SocketsHttpHandler
        {
            SslOptions = new SslClientAuthenticationOptions
            {
                CertificateChainPolicy = policy, ClientCertificateContext = SslStreamCertificateContext.Create(certificate, null, offline: true),
            },
        };
    }

    private static int FreePort()
    {
        using TcpListener listener = new(IPAddress.Loopback, 0);
        listener.Start();
        return ((IPEndPoint)listener.LocalEndpoint).Port;
    }

    private Process Start(string program, string[] arguments)
    {
        Process process = Process.Start(new ProcessStartInfo(program, arguments) { RedirectStandardError = true, RedirectStandardOutput = true })!;
        process.ErrorDataReceived += (_, _) => { };
        process.BeginErrorReadLine();
        _processes.Add(process);
        return process;
    }
}
