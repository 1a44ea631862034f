using System.Text.Json;
using System.Text.Json.Nodes;
using Cloister.Bench.Gateway;

// Cloister.Bench.Gateway --cloister PROGRAM --etcd PROGRAM [--rounds N] [--seconds N]
//   etcd itself, the gateway (TLS from the client, encryption on) and etcd's grpc-proxy (plain text), in turns, in front of one etcd: once
//   with fsync, once without. Values of 1 KiB. Prints JSON: medians of the rounds, and ratios round by round.
//   With --apiserver PROGRAM [--secrets N] instead: first lists of an API server that was just started, see RestartedLists.
// .NET measures round trips with pings, an API server does not.
AppContext.SetSwitch("System.Net.SocketsHttpHandler.Http2FlowControl.DisableDynamicWindowSizing", true);
string cloister = "";
string etcd = "";
string apiServer = "";
int secrets = 10_000;
int rounds = 3;
double seconds = 1;
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
        case "--apiserver":
            apiServer = args[i + 1];
            break;
        case "--secrets":
            secrets = int.Parse(args[i + 1], System.Globalization.CultureInfo.InvariantCulture);
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

JsonObject report = new()
{
    ["machine"] = $"{Environment.ProcessorCount} cores, {File.ReadLines("/proc/cpuinfo").First(line => line.StartsWith("model name", StringComparison.Ordinal)).Split(':')[1].Trim()}",
    ["rounds"] = rounds,
    ["loadBefore"] = Load(),
};
if (apiServer.Length > 0)
{
    await using Servers servers = new(cloister, etcd, fsync: false);
    await servers.StartAsync();
    report["secrets"] = secrets;
    report["lists"] = await new RestartedLists(servers, apiServer, secrets).RunAsync(rounds);
    report["loadAfter"] = Load();
    Console.WriteLine(report.ToJsonString(new JsonSerializerOptions { WriteIndented = true }));
    return 0;
}

report["secondsEach"] = seconds;
foreach (bool fsync in (bool[])[true, false])
{
    await using Servers servers = new(cloister, etcd, fsync);
    await servers.StartAsync();
    await RunAsync(servers.Paths);
    report[fsync ? "fsync" : "noFsync"] = Summary.Of(servers.Paths);
}

report["loadAfter"] = Load();
Console.WriteLine(report.ToJsonString(new JsonSerializerOptions { WriteIndented = true }));
return 0;

async Task RunAsync(IReadOnlyList<EtcdPath> paths)
{
    // The first round warms up.
    for (int round = 0; round <= rounds; round++)
    {
        foreach (int callers in (int[])[1, 16, 64])
        {
            foreach (EtcdPath path in paths)
            {
                await path.MeasureAsync(callers, seconds, keep: round > 0);
            }
        }

        foreach (EtcdPath path in paths)
        {
            await path.MeasureWatchAsync(events: 200, keep: round > 0);
        }
    }

    // Written once through the gateway: what etcd itself and grpc-proxy list is ciphertext of the same number.
    const int Listed = 10_000;
    await paths.First(path => path.Name == "gateway").FillAsync(Listed);
    for (int round = 0; round <= rounds; round++)
    {
        foreach (EtcdPath path in paths)
        {
            await path.MeasureListAsync(Listed, keep: round > 0);
        }
    }
}

static string Load() => File.ReadAllText("/proc/loadavg").Trim();
