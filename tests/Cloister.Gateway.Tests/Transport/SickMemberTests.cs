using Cloister.Cli.Tests.Harness;
using Cloister.Conformance.Harness;
using Cloister.Contracts.Etcd;
using Cloister.Gateway.Tests.Support;
using Google.Protobuf;
using Grpc.Core;

namespace Cloister.Gateway.Tests.Transport;

/// <summary>Members of a real etcd that accept, answer and cannot serve, with a healthy one beside them.</summary>
public sealed class SickMemberTests
{
    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    [Fact]
    public async Task ALearnerIsNotUsed()
    {
        await using Etcds voter = await Etcds.StartAsync();
        HarnessPrograms programs = await HarnessPrograms.GetAsync();
        using ScratchFolder folder = new();
        (int port, int peer) = (LoopbackPort.Next(), LoopbackPort.Next());
        (await Command.RunAsync(
            programs.PathOf("etcdctl"), ["--endpoints", voter.Url, "member", "add", "learner", "--learner", "--peer-urls", $"http://127.0.0.1:{peer}"], Stop)).EnsureSuccess();
        await using ChildProcess learner = ChildProcess.Start(
            "learner",
            folder.Path,
            programs.PathOf("etcd"),
            ["--name", "learner", "--data-dir", folder["data"], "--listen-client-urls", $"http://127.0.0.1:{port}", "--advertise-client-urls", $"http://127.0.0.1:{port}",
             "--listen-peer-urls", $"http://127.0.0.1:{peer}", "--initial-advertise-peer-urls", $"http://127.0.0.1:{peer}", "--initial-cluster-state", "existing",
             "--initial-cluster", $"default={voter.PeerUrl},learner=http://127.0.0.1:{peer}", "--log-level", "error", "--unsafe-no-fsync"]);
        using RawEtcd direct = new(Grpc.Net.Client.GrpcChannel.ForAddress($"http://127.0.0.1:{port}"));
        await Eventually.HoldsAsync(
            "the learner answers that it only learns", TimeSpan.FromSeconds(60), async () => await FailureOfAsync(direct) is { } e && e.Contains("learner", StringComparison.Ordinal), Stop);

        await using GatewayUnderTest gateway = new([GatewayUnderTest.Plain(port), voter.Endpoint]);
        using RawEtcd through = new(gateway.Channel());
        for (int i = 0; i < 6; i++)
        {
            Assert.Null(await FailureOfAsync(through));
        }

        Assert.Contains(gateway.Log.Lines, line => line.Contains($":{port} does not serve: etcdserver: rpc not supported for learner", StringComparison.Ordinal));
        Assert.Contains(gateway.Log.Lines, line => line.Contains("goes on with etcd at", StringComparison.Ordinal));
        Assert.Equal(1, gateway.Counter("gateway_etcd_left"));
    }

    [Fact]
    public async Task AMemberWithoutTheOthersIsLeft()
    {
        await using EtcdCluster cluster = await EtcdCluster.StartAsync();
        await using Etcds healthy = await Etcds.StartAsync();
        await using GatewayUnderTest gateway = new([GatewayUnderTest.Plain(cluster.PortOf(0)), healthy.Endpoint]);
        using RawEtcd through = new(gateway.Channel());
        Assert.Null(await FailureOfAsync(through));
        Assert.Equal(0, gateway.Counter("gateway_etcd_left"));

        // In use, with a watch, when it loses the others.
        using AsyncDuplexStreamingCall<byte[], byte[]> watch = through.Watch(Stop);
        await watch.RequestStream.WriteAsync(Enclave.Tests.Gateway.Etcd.Nested(1, Enclave.Tests.Gateway.Etcd.Message(w => w.String(1, "/registry/secrets/a"))), Stop);
        Assert.True(await watch.ResponseStream.MoveNext(Stop));
        await cluster.KillAsync(1);
        await cluster.KillAsync(2);
        await Eventually.HoldsAsync("reads go on", TimeSpan.FromSeconds(90), async () => await FailureOfAsync(through) is null, Stop, () => gateway.Log.Lines is { Count: > 0 } lines ? lines[^1] : "");
        await Assert.ThrowsAsync<RpcException>(() => watch.ResponseStream.MoveNext(Stop));
        Assert.Contains(gateway.Log.Lines, line => line.Contains($":{cluster.PortOf(0)} does not serve: ", StringComparison.Ordinal));
        Assert.Equal(1, gateway.Counter("gateway_etcd_left"));

        // New gateways begin elsewhere.
        await using GatewayUnderTest later = new([GatewayUnderTest.Plain(cluster.PortOf(0)), healthy.Endpoint]);
        using RawEtcd fresh = new(later.Channel());
        await Eventually.HoldsAsync("reads are answered", TimeSpan.FromSeconds(60), async () => await FailureOfAsync(fresh) is null, Stop);
    }

    // What a read that needs the whole cluster ends with; null when it is answered.
    private static async Task<string?> FailureOfAsync(RawEtcd etcd)
    {
        try
        {
            await etcd.Kv.RangeAsync(new RangeRequest { Key = ByteString.CopyFromUtf8("/registry/secrets/a") }, deadline: DateTime.UtcNow.AddSeconds(5), cancellationToken: Stop);
            return null;
        }
        catch (RpcException e)
        {
            return $"{e.StatusCode}: {e.Status.Detail}";
        }
    }
}
