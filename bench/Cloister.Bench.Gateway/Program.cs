using System.Diagnostics;
using System.Net;
using System.Net.Security;
using System.Net.Sockets;
using System.Security.Cryptography.X509Certificates;
using System.Text.Json;
using System.Text.Json.Nodes;
using Cloister.Bench.Gateway;
using Grpc.Net.Client;

// Cloister.Bench.Gateway --cloister PROGRAM --etcd PROGRAM [--rounds N] [--seconds N]
//   etcd itself (plain text), etcd's own grpc-proxy (plain text), and the gateway (TLS from the client, encryption on), in turns, on one
//   etcd with fsync. Values of 1 KiB. Prints JSON: medians, and ratios to etcd itself, round by round.
string cloister = "";
string etcd = "";
int rounds = 5;
double seconds = 2;
for (int i = 0; i + 1 < args.Length; i += 2)
{
    switch (args[i])
    {
        case "--cloister":
            cloister = args[i + 1];
            break;
        case "--etcd":
            etcd = args[i + 1];
            break;
        case "--rounds":
            rounds = int.Parse(args[i + 1], System.Globalization.CultureInfo.InvariantCulture);
            break;
        case "--seconds":
            seconds = double.Parse(args[i + 1], System.Globalization.CultureInfo.InvariantCulture);
            break;
        default:
            Console.Error.WriteLine($"unknown: {args[i]}");
            return 1;
    }
}

string folder = Directory.CreateTempSubdirectory("cloister-bench-").FullName;
List<Process> processes = [];
List<EtcdPath> paths = [];
try
{
    string url = $"http://127.0.0.1:{FreePort()}";
    string peer = $"http://127.0.0.1:{FreePort()}";
    string proxied = $"127.0.0.1:{FreePort()}";
    Start(etcd, "--data-dir", Path.Combine(folder, "etcd"), "--listen-client-urls", url, "--advertise-client-urls", url, "--listen-peer-urls", peer,
        "--initial-advertise-peer-urls", peer, "--initial-cluster", $"default={peer}", "--log-level", "error");
    await AnswersAsync(new Uri(url));
    int proxy = Start(etcd, "grpc-proxy", "start", $"--endpoints={url}", $"--listen-addr={proxied}").Id;
    string dev = Path.Combine(folder, "dev");
    Process parent = Start(cloister, "dev", "--dir", dev, "--etcd", url);
    for (string? line = ""; line?.StartsWith("ready", StringComparison.Ordinal) != true; line = await parent.StandardOutput.ReadLineAsync())
    {
        if (line is null)
        {
            throw new InvalidOperationException("cloister dev ended");
        }
    }

    string children = File.ReadAllText($"/proc/{parent.Id}/task/{parent.Id}/children");
    int enclave = int.Parse(children.Trim().Split(' ')[0], System.Globalization.CultureInfo.InvariantCulture);
    string through = File.ReadAllText(Path.Combine(dev, "gateway/url"));
    paths.Add(new EtcdPath("etcd", GrpcChannel.ForAddress(url), 0));
    paths.Add(new EtcdPath("grpc-proxy", GrpcChannel.ForAddress($"http://{proxied}"), proxy));
    paths.Add(new EtcdPath("gateway", GrpcChannel.ForAddress(through, new GrpcChannelOptions { HttpHandler = Tls(Path.Combine(dev, "gateway")) }), enclave));
    for (int round = 0; round <= rounds; round++)
    {
        foreach (int callers in (int[])[1, 16, 64])
        {
            foreach (EtcdPath path in paths)
            {
                // The first round warms up.
                await path.MeasureAsync(callers, seconds, keep: round > 0);
            }
        }
    }

    JsonObject report = new() { ["rounds"] = rounds, ["load"] = File.ReadAllText("/proc/loadavg").Trim() };
    foreach (string what in paths[0].Results.Keys)
    {
        JsonObject row = [];
        foreach (EtcdPath path in paths)
        {
            row[path.Name] = Math.Round(Median(path.Results[what]), 1);
            if (path != paths[0] && !what.Contains("CPU", StringComparison.Ordinal))
            {
                row[$"{path.Name} to etcd"] = Math.Round(Median([.. path.Results[what].Zip(paths[0].Results[what], (ours, direct) => ours / direct)]), 2);
            }
        }

        report[what] = row;
    }

    Console.WriteLine(report.ToJsonString(new JsonSerializerOptions { WriteIndented = true }));
    return 0;
}
finally
{
    paths.ForEach(path => path.Dispose());
    foreach (Process process in Enumerable.Reverse(processes))
    {
        if (!process.HasExited)
        {
            process.Kill(entireProcessTree: true);
            await process.WaitForExitAsync();
        }
    }

    Directory.Delete(folder, recursive: true);
}

Process Start(string program, params string[] arguments)
{
    Process process = Process.Start(new ProcessStartInfo(program, arguments) { RedirectStandardError = true, RedirectStandardOutput = true })!;
    process.ErrorDataReceived += (_, _) => { };
    process.BeginErrorReadLine();
    processes.Add(process);
    return process;
}

static async Task AnswersAsync(Uri url)
{
    using HttpClient client = new() { BaseAddress = url };
    for (int i = 0; i < 300; i++)
    {
        try
        {
            if ((await client.GetAsync("health")).IsSuccessStatusCode)
            {
                return;
            }
        }
        catch (HttpRequestException)
        {
            await Task.Delay(100);
        }
    }

    throw new TimeoutException("etcd does not answer");
}

static SocketsHttpHandler Tls(string files)
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

static double Median(List<double> values) => values.Order().ElementAt(values.Count / 2);

static int FreePort()
{
    using TcpListener listener = new(IPAddress.Loopback, 0);
    listener.Start();
    return ((IPEndPoint)listener.LocalEndpoint).Port;
}
