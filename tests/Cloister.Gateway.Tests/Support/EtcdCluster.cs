using System.Text.Json;
using Cloister.Cli.Tests.Harness;
using Cloister.Conformance.Harness;
using Grpc.Net.Client;

namespace Cloister.Gateway.Tests.Support;

/// <summary>Three real members of etcd on loopback.</summary>
internal sealed class EtcdCluster : IAsyncDisposable
{
    private const int Members = 3;

    private readonly ScratchFolder _folder = new();
    private readonly HarnessPrograms _programs;
    private readonly int[] _ports = [.. Enumerable.Range(0, Members).Select(_ => LoopbackPort.Next())];
    private readonly List<ChildProcess> _processes = [];

    private EtcdCluster(HarnessPrograms programs)
    {
        _programs = programs;
        string[] peers = [.. Enumerable.Range(0, Members).Select(_ => $"http://127.0.0.1:{LoopbackPort.Next()}")];
        string all = string.Join(',', peers.Select((peer, i) => $"m{i}={peer}"));
        for (int i = 0; i < Members; i++)
        {
            _processes.Add(ChildProcess.Start(
                $"etcd {i}",
                _folder.Path,
                programs.PathOf("etcd"),
                ["--name", $"m{i}", "--data-dir", _folder[$"m{i}"], "--listen-client-urls", Url(i), "--advertise-client-urls", Url(i),
                 "--listen-peer-urls", peers[i], "--initial-advertise-peer-urls", peers[i], "--initial-cluster", all,
                 "--log-level", "error", "--unsafe-no-fsync"]));
        }
    }

    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    internal static async Task<EtcdCluster> StartAsync()
    {
        EtcdCluster cluster = new(await HarnessPrograms.GetAsync());
        try
        {
            await Eventually.HoldsAsync(
                "all members have a leader", TimeSpan.FromSeconds(90), async () => await cluster.LeaderAsync() >= 0, Stop, () => cluster._processes[0].Tail());
            return cluster;
        }
        catch
        {
            await cluster.DisposeAsync();
            throw;
        }
    }

    internal int PortOf(int member) => _ports[member];

    /// <summary>A connection to one member, without the gateway.</summary>
    internal RawEtcd Direct(int member) => new(GrpcChannel.ForAddress(Url(member)));

    /// <summary>The member that leads, by its number; below zero while there is none, or a member does not answer.</summary>
    internal async Task<int> LeaderAsync() => (await StatusAsync()) is { Length: Members } ids && ids.All(id => id.Leader == ids[0].Leader)
        ? Array.FindIndex(ids, id => id.Member == id.Leader)
        : -1;

    internal async Task MoveLeaderAsync(int from, int to)
    {
        string id = (await StatusAsync())[to].Member.ToString("x", System.Globalization.CultureInfo.InvariantCulture);
        (await Command.RunAsync(_programs.PathOf("etcdctl"), ["--endpoints", Url(from), "move-leader", id], Stop)).EnsureSuccess();
    }

    internal Task KillAsync(int member) => _processes[member].KillAsync();

    public async ValueTask DisposeAsync()
    {
        foreach (ChildProcess process in _processes)
        {
            await process.KillAsync();
            await process.DisposeAsync();
        }

        _folder.Dispose();
    }

    private string Url(int member) => $"http://127.0.0.1:{_ports[member]}";

    // In the order of the endpoints.
    private async Task<(ulong Member, ulong Leader)[]> StatusAsync()
    {
        string[] endpoints = [.. Enumerable.Range(0, Members).Select(Url)];
        CommandResult result = await Command.RunAsync(
            _programs.PathOf("etcdctl"), ["--endpoints", string.Join(',', endpoints), "endpoint", "status", "-w", "json"], Stop);
        if (!result.Succeeded)
        {
            return [];
        }

        using JsonDocument answer = JsonDocument.Parse(result.Output);
        return [.. answer.RootElement.EnumerateArray()
            .OrderBy(entry => Array.IndexOf(endpoints, entry.GetProperty("Endpoint").GetString()))
            .Select(entry => entry.GetProperty("Status"))
            .Select(status => (status.GetProperty("header").GetProperty("member_id").GetUInt64(), status.GetProperty("leader").GetUInt64()))];
    }
}
