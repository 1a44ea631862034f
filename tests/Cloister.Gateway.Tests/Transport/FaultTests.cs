using Cloister.Conformance.Harness;
using Cloister.Contracts.Etcd;
using Cloister.Enclave.Tests.Gateway;
using Cloister.Gateway.Tests.Support;
using Google.Protobuf;
using Grpc.Core;

namespace Cloister.Gateway.Tests.Transport;

/// <summary>What etcd goes through while Secrets are written and watched: new leaders, lost members, compaction, defragmentation.</summary>
public sealed class FaultTests
{
    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    [Fact]
    public async Task LeadersChangeAndNothingIsLostOrRepeated()
    {
        await using EtcdCluster cluster = await EtcdCluster.StartAsync();

        // The direct watch is on member 0, which stays; the gateway begins with the member that is killed.
        await using GatewayUnderTest gateway = new([.. ((int[])[1, 2, 0]).Select(member => GatewayUnderTest.Plain(cluster.PortOf(member)))]);
        using RawEtcd through = new(gateway.Channel());
        using RawEtcd direct = cluster.Direct(0);
        await RunAsync(direct, through, gateway, async written =>
        {
            int leader = await cluster.LeaderAsync();
            int next = leader == 2 ? 0 : 2;
            await cluster.MoveLeaderAsync(leader, next);
            await written();
            await cluster.MoveLeaderAsync(next, 1);
            await written();
            await cluster.KillAsync(1);
            await written();
        });
    }

    [Fact]
    public async Task CompactionAndDefragmentationPassUnderAWatch()
    {
        await using Etcds etcd = await Etcds.StartAsync();
        await RunAsync(etcd.Direct, etcd.Through, etcd.Gateway, async written =>
        {
            for (int i = 0; i < 4; i++)
            {
                await written();
                RangeResponse now = await etcd.Through.Kv.RangeAsync(new RangeRequest { Key = ByteString.CopyFromUtf8("/registry/secrets/none") }, cancellationToken: Stop);

                // Half of what there is: neither watch has to have read it all.
                await etcd.Through.CallAsync("/etcdserverpb.KV/Compact", Etcd.Message(w => w.Integer(1, (ulong)now.Header.Revision / 2)), Stop);
                await etcd.Direct.CallAsync("/etcdserverpb.Maintenance/Defragment", [], Stop);
            }
        });

        // A watch from before the compaction ends the same way here and there.
        byte[] gone = await FromTheBeginningAsync(etcd.Through);
        Assert.Equal(await FromTheBeginningAsync(etcd.Direct), gone);
    }

    // Writes and two watches, through the gateway and beside it, while something happens.
    private static async Task RunAsync(RawEtcd direct, RawEtcd through, GatewayUnderTest gateway, Func<Func<Task>, Task> faults)
    {
        using CancellationTokenSource over = CancellationTokenSource.CreateLinkedTokenSource(Stop);
        using CancellationTokenSource watched = CancellationTokenSource.CreateLinkedTokenSource(Stop);
        WatchRecord beside = new();
        WatchRecord ours = new();
        Task[] watching = [beside.RunAsync(direct, watched.Token), ours.RunAsync(through, watched.Token)];
        OnceWriter writer = new(through, "/registry/secrets/default/w");
        Task[] writing = [.. Enumerable.Range(0, 4).Select(_ => writer.RunAsync(over.Token))];
        async Task WrittenAsync()
        {
            int before = writer.Acknowledged.Count;
            await Eventually.HoldsAsync("writes go on", TimeSpan.FromSeconds(60), () => Task.FromResult(writer.Acknowledged.Count > before + 100), Stop);
        }

        await WrittenAsync();
        await faults(WrittenAsync);
        await over.CancelAsync();
        await Task.WhenAll(writing);

        RangeResponse list = await direct.Kv.RangeAsync(
            new RangeRequest { Key = ByteString.CopyFromUtf8("/registry/secrets/"), RangeEnd = ByteString.CopyFromUtf8("/registry/secrets0") }, cancellationToken: Stop);
        long last = list.Kvs.Max(kv => kv.ModRevision);
        await Eventually.HoldsAsync(
            "both watches saw the last write", TimeSpan.FromSeconds(60), () => Task.FromResult(beside.Seen >= last && ours.Seen >= last), Stop,
            () => $"beside {beside.Seen} {beside.Last}, through {ours.Seen} {ours.Last}, last {last}");
        await watched.CancelAsync();
        await Task.WhenAll(watching);

        Assert.All(list.Kvs, kv => Assert.Equal(1, kv.Version));
        Dictionary<string, string> seen = ours.Events.ToDictionary(e => e.Key, e => e.Value);
        Assert.All(writer.Acknowledged, secret => Assert.Equal(secret.Value, seen[secret.Key]));
        Assert.Equal(beside.Events.Select(e => (e.Revision, e.Key)), ours.Events.Select(e => (e.Revision, e.Key)));
        Assert.All(beside.Events, e => Assert.StartsWith("k8s:enc:kms:v2:cloister:", e.Value, StringComparison.Ordinal));
        Assert.Equal(0, gateway.Counter("gateway_values_undecryptable"));
    }

    // The second answer to a watch from revision 1; the first says that it was created.
    private static async Task<byte[]> FromTheBeginningAsync(RawEtcd etcd)
    {
        using AsyncDuplexStreamingCall<byte[], byte[]> watch = etcd.Watch(Stop);
        byte[] create = Etcd.Nested(1, Etcd.Message(w =>
        {
            w.String(1, "/registry/secrets/");
            w.String(2, "/registry/secrets0");
            w.Integer(3, 1);
        }));
        await watch.RequestStream.WriteAsync(create, Stop);
        Assert.True(await watch.ResponseStream.MoveNext(Stop));
        Assert.True(await watch.ResponseStream.MoveNext(Stop));
        return watch.ResponseStream.Current;
    }
}
