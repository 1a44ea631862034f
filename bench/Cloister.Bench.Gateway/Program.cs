using System.Text.Json;
using System.Text.Json.Nodes;
using Cloister.Bench.Gateway;

// Cloister.Bench.Gateway --cloister PROGRAM --tools FOLDER [--rounds N] [--seconds N] [--before PROGRAM --before-enclave PROGRAM]
//   etcd itself, the gateway (encryption on) and etcd's grpc-proxy, in turns, in front of one etcd, called with etcd's own client: with mutual
//   TLS on every connection and with it only where the gateway has no other way, each with fsync and without. Values of 1 KiB. Prints JSON.
//   With --before: also another version's gateway in front of an etcd of its own, in the same turns; with mutual TLS on every connection only.
//   With --secrets N instead: first lists of an API server that was just started, see RestartedLists.
//   With --service N instead: the secrets service, see SecretsServiceBench; lists are of N Secrets.
//   With --report FILE: that file as a table.
if (args is ["--report", { } file])
{
    SecretsServiceReport.Print(file);
    return 0;
}

string cloister = "";
string tools = "";
string before = "";
string beforeEnclave = "";
int secrets = 0;
int service = 0;
int rounds = 3;
double seconds = 1;
for (int i = 0; i + 1 < args.Length; i += 2)
{
    switch (args[i])
    {
        case "--cloister":
            cloister = args[i + 1];
            break;
        case "--tools":
            tools = args[i + 1];
            break;
        case "--before":
            before = args[i + 1];
            break;
        case "--before-enclave":
            beforeEnclave = args[i + 1];
            break;
        case "--secrets":
            secrets = int.Parse(args[i + 1], System.Globalization.CultureInfo.InvariantCulture);
            break;
        case "--service":
            service = int.Parse(args[i + 1], System.Globalization.CultureInfo.InvariantCulture);
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
if (secrets > 0)
{
    await using Servers servers = new(cloister, tools, fsync: false, tls: false);
    await servers.StartAsync();
    await servers.ClearAsync();
    report["secrets"] = secrets;
    report["lists"] = await new RestartedLists(servers, Path.Combine(tools, "apiserver"), secrets, ApiServerPath.Gateway(servers), ApiServerPath.KmsV2(servers)).RunAsync(rounds);
    report["loadAfter"] = Load();
    Console.WriteLine(report.ToJsonString(new JsonSerializerOptions { WriteIndented = true }));
    return 0;
}

if (service > 0)
{
    await using Servers servers = new(cloister, tools, fsync: false, tls: false);
    await servers.StartAsync();
    await servers.ClearAsync();
    report["secondsEach"] = seconds;
    report["secrets"] = service;
    await new SecretsServiceBench(servers, tools).RunAsync(report, service, rounds, seconds);
    report["loadAfter"] = Load();
    Console.WriteLine(report.ToJsonString(new JsonSerializerOptions { WriteIndented = true }));
    return 0;
}

report["secondsEach"] = seconds;
(string Name, bool Fsync, bool Tls)[] ways = [("tls, fsync", true, true), ("tls", false, true), ("plain, fsync", true, false), ("plain", false, false)];
foreach ((string name, bool fsync, bool tls) in ways.Where(way => before.Length == 0 || way.Tls))
{
    await using Servers servers = new(cloister, tools, fsync, tls);
    await servers.StartAsync();
    await using Servers other = new(before, tools, fsync, tls, beforeEnclave);
    if (before.Length > 0)
    {
        await other.StartGatewayAsync("before");
    }

    IReadOnlyList<EtcdPath> paths = [.. servers.Paths, .. other.Paths.Where(path => path.Name == "before")];
    await RunAsync(paths);
    report[name] = Summary.Of(paths);
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
    foreach (EtcdPath gateway in paths.Where(path => path.Name is "gateway" or "before"))
    {
        await gateway.FillAsync(Listed);
    }

    for (int round = 0; round <= rounds; round++)
    {
        foreach (EtcdPath path in paths)
        {
            await path.MeasureListAsync(Listed, keep: round > 0);
        }
    }
}

static string Load() => File.ReadAllText("/proc/loadavg").Trim();
